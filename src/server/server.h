#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "server/http/listener.h"
#include "server/http/router.h"
#include "server/http/work_queue.h"
#include "server/state/metrics.h"

namespace sagittal::server {

/// First segments of paths that belong to some viewer's protocol and therefore never name a user.
std::vector<std::string> reserved_names();

struct ServerOptions {
  http::ListenerOptions listener;
  http::WorkQueue::Limits queue;
};

/// The routes of all dialects behind one socket, counted and logged. Serves from construction until `stop`.
class Server {
 public:
  /// Throws Error(io) where the address cannot be had. `metrics` must outlive the server. `admit` and `observe`: as the
  /// listener takes them.
  Server(const ServerOptions& options, std::vector<http::Route> routes, Metrics& metrics, LogSink log = {},
         http::Admit admit = {}, http::ExchangeObserver observe = {});
  ~Server();

  std::uint16_t port() const;
  const http::Router& router() const;

  /// Whether a prediction runs.
  bool predicting() const;

  /// Certificate and key are read anew; Error(io) where they cannot be, and the former stay.
  void reload_tls();
  /// Takes nothing new; returns when all requests are answered, or after `grace`.
  void drain(std::chrono::milliseconds grace);
  /// Lets requests in progress finish within `grace`, then closes everything and waits for the running handlers.
  void stop(std::chrono::milliseconds grace);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sagittal::server
