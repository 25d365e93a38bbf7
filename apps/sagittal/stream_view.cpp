#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "commands.h"
#include "data_folder.h"
#include "serve.h"
#include "stream_assets.h"
#include "stream_options.h"

extern char** environ;

namespace sagittal::commands {
namespace {

struct ViewOptions : StreamOptions {
  int port = 0;
  bool no_open = false;
};

bool has_display() {
  const auto set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
  };
  return set("DISPLAY") || set("WAYLAND_DISPLAY");
}

/// What it does, or that it is not installed, is nothing to this program.
void open_browser(std::string url) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t files;
  if (::posix_spawnattr_init(&attributes) != 0 || ::posix_spawn_file_actions_init(&files) != 0) return;
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  for (const int stream : {0, 1, 2}) ::posix_spawn_file_actions_addopen(&files, stream, "/dev/null", 2, 0);
  std::string program = "xdg-open";
  char* arguments[] = {program.data(), url.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawnp(&child, program.c_str(), &files, &attributes, arguments, environ) == 0) {
    std::thread([child] {
      ::waitpid(child, nullptr, 0);
    }).detach();  // else it stays a zombie while the page is watched
  }
  ::posix_spawn_file_actions_destroy(&files);
  ::posix_spawnattr_destroy(&attributes);
}

void view(const ViewOptions& options) {
  stream::PipelineFile pipeline = load_pipeline(options);
  offer_assets(pipeline, options);
  settle(pipeline, options);
  ServeOptions server;
  server.port = options.port;
  server.model.data_directory = kNoFolder;
  server.streams_directory = options.data_directory;
  server.pipelines = options.folders;
  server.plugins = options.plugins;
  const std::string name = std::filesystem::path(options.pipeline).stem().string();
  serve(server, [&](const std::string& address, stream::RunningPipelines& pipelines) {
    const std::string id = pipelines.start_file(pipeline, name, "")->id();
    const std::string url = fmt::format("{}/#page=streams&stream={}", address, id);
    fmt::print("{} is at {}\n", name, url);
    std::fflush(stdout);
    if (!options.no_open && has_display()) open_browser(url);
  });
}

}  // namespace

void add_stream_view(CLI::App& stream) {
  const auto options = std::make_shared<ViewOptions>();
  auto* command = stream.add_subcommand("view", "Run a pipeline and watch it in the browser, on this computer");
  add_stream_pipeline(*command, *options);
  add_stream_folders(*command, *options);
  command->add_option("--plugin", options->plugins, "A shared library with more operators")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command->add_option("--port", options->port, "Of the page; 0: any that is free")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  command->add_flag("--no-open", options->no_open, "Only print the page's address");
  command->callback([options] { view(*options); });
}

}  // namespace sagittal::commands
