#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <system_error>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/error.h"
#include "commands.h"

namespace {

void add_commands(CLI::App& app) {
  namespace commands = sagittal::commands;
  commands::add_bench(app);
  commands::add_convert(app);
  commands::add_doctor(app);
  commands::add_hub(app);
  commands::add_info(app);
  commands::add_key(app);
  commands::add_model(app);
  commands::add_predict(app);
  commands::add_reference(app);
  commands::add_segment(app);
  commands::add_serve(app);
  commands::add_stream(app);
}

/// Wrong usage said in the user's own word, where the parser would only say that a subcommand is required.
bool names_unknown_command(const CLI::App& app, int argc, char** argv) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  const auto is_named = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  return argc > 1 && argv[1][0] != '-' && std::none_of(commands.begin(), commands.end(), is_named);
}

/// libgomp's threads spin between loops, and starve each other and the viewer beside them on a busy machine. It reads
/// its settings before main, so the program starts itself once more with waiting threads, unless the user has chosen.
void let_idle_threads_sleep(char** argv) {
  constexpr int keep_existing = 0;
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  std::error_code failure;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", failure);
  if (failure || ::setenv("OMP_WAIT_POLICY", "passive", keep_existing) != 0) return;
  ::execv(program.c_str(), argv);  // returns only where it fails; the program then runs as it is
}

int run(CLI::App& app, int argc, char** argv) {
  if (argc == 1) {
    std::fputs(app.help().c_str(), stderr);
    return 2;
  }
  if (names_unknown_command(app, argc, argv)) {
    std::fprintf(stderr, "sagittal: there is no command '%s'; `sagittal --help` lists them\n", argv[1]);
    return 2;
  }
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::RuntimeError& error) {
    return error.get_exit_code();
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
}

}  // namespace

int main(int argc, char** argv) {
  let_idle_threads_sleep(argv);
  try {
    CLI::App app("Sagittal: AI segmentation at the speed of a click", "sagittal");
    app.set_version_flag("--version", SAGITTAL_VERSION);
    app.require_subcommand(1);
    add_commands(app);
    return run(app, argc, argv);
  } catch (const sagittal::Error& error) {
    std::fprintf(stderr, "sagittal: %s\n", error.what());
    return describe(error.code()).exit_code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sagittal: %s\n", error.what());
    return 1;
  }
}
