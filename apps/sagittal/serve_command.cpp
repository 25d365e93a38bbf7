#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "commands.h"
#include "server/pages.h"
#include "server/server.h"

namespace sagittal::commands {
namespace {

struct Options {
  std::string host = "127.0.0.1";
  int port = 1527;
};

/// SIGINT and SIGTERM are blocked in every thread started from here on and waited for in one place.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  void wait() const {
    int received = 0;
    sigwait(&signals_, &received);
    pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);  // a second one ends the program at once
  }

 private:
  sigset_t signals_{};
};

/// Addresses that stand for "every interface" cannot be typed into a viewer on this machine.
std::string address_to_type(const std::string& host, int port) {
  const bool any = host == "0.0.0.0" || host == "::";
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("http://{}:{}", any ? "127.0.0.1" : v6 ? "[" + host + "]" : host, port);
}

void serve(const Options& options) {
  const StopSignals stop_signals;
  server::Metrics metrics;
  server::ServerOptions server_options;
  server_options.listener.host = options.host;
  server_options.listener.port = static_cast<std::uint16_t>(options.port);
  server::Server server(server_options, server::page_routes([] { return server::ServerStatus(); }, metrics), metrics);
  fmt::print("Sagittal is ready at {}\n", address_to_type(options.host, server.port()));
  std::fflush(stdout);
  stop_signals.wait();
  server.stop(std::chrono::seconds(3));
}

}  // namespace

void add_serve(CLI::App& app) {
  auto* command = app.add_subcommand("serve", "The server for 3D Slicer and other viewers");
  const auto options = std::make_shared<Options>();
  command->add_option("--host", options->host, "Address to listen on; 0.0.0.0 for every interface")
      ->capture_default_str();
  command->add_option("--port", options->port, "Port to listen on; 0 for any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  command->callback([options] { serve(*options); });
}

}  // namespace sagittal::commands
