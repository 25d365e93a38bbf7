#include <algorithm>
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "commands.h"

namespace {

void add_commands(CLI::App& app) {
  namespace commands = sagittal::commands;
  commands::add_bench(app);
  commands::add_convert(app);
  commands::add_doctor(app);
  commands::add_info(app);
  commands::add_model(app);
  commands::add_serve(app);
}

/// Wrong usage said in the user's own word, where the parser would only say that a subcommand is required.
bool names_unknown_command(const CLI::App& app, int argc, char** argv) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  const auto is_named = [&](const CLI::App* command) { return command->check_name(argv[1]); };
  return argc > 1 && argv[1][0] != '-' && std::none_of(commands.begin(), commands.end(), is_named);
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
