#include "serve_options.h"

namespace sagittal {

void add_serve_options(CLI::App& command, ServeOptions& options) {
  command.add_option("--host", options.host, "Address to listen on; 0.0.0.0 for every interface")
      ->capture_default_str();
  command.add_option("--port", options.port, "Port to listen on; 0 for any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  add_model_options(command, options.model);
  command.add_option("--max-sessions", options.max_sessions, "Clients kept apart at once; the idle make room")
      ->capture_default_str()
      ->check(CLI::Range(1, 10000));
  command.add_flag("--verbose", options.verbose, "One line for every request");
}

}  // namespace sagittal
