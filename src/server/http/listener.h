#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/http/admission.h"
#include "server/http/outbox.h"
#include "server/http/router.h"
#include "server/http/work_queue.h"

namespace sagittal::server::http {

struct ListenerOptions {
  std::string host = "127.0.0.1";      ///< name or address to listen on
  std::uint16_t port = 0;              ///< 0: any free port
  std::string public_refusal;          ///< not empty: what to say instead of listening where other computers reach it
  int threads = 2;                     ///< network threads
  std::size_t max_connections = 4096;  ///< beyond it those that ask nothing are closed
  std::size_t max_web_sockets = 2048;  ///< at most, and half of the connections
  std::size_t max_header_bytes = std::size_t{32} << 10;
  std::uint64_t max_body_bytes_in_memory = std::uint64_t{16} << 30;  ///< bodies of all requests together

  std::string tls_certificate;  ///< PEM file of the certificate and its chain; empty: plain HTTP
  std::string tls_key;          ///< PEM file of the private key

  std::chrono::milliseconds header_timeout{30'000};  ///< for a whole request header, also between two requests
  std::chrono::milliseconds body_timeout{30'000};    ///< without a single byte of an announced body
  std::uint64_t min_bytes_per_second = 4096;         ///< of a body or an answer, on average after the timeout
  std::chrono::milliseconds recall_after{400};       ///< without a first byte: ask the route's `recall_body`
  std::chrono::milliseconds linger{10'000};  ///< how long a refused body is still read, so that the answer arrives

  OutboxLimits outbox;                              ///< of each WebSocket
  std::chrono::milliseconds socket_idle{40'000};    ///< a WebSocket's peer is pinged after half of it, and closed after
  std::chrono::milliseconds socket_recheck{5'000};  ///< how often the peer's admission is asked for again
};

/// What happened to one request, for metrics and logs.
struct Exchange {
  std::string method;
  const Route* route = nullptr;  ///< null: none was found
  std::string owner;             ///< whose key it carried
  std::string address;           ///< of the peer
  bool denied = false;           ///< refused before its body was read
  int status = 0;                ///< 0: the connection broke before an answer
  double seconds = 0;            ///< from the header's end to the answer's end
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};
using ExchangeObserver = std::function<void(const Exchange&)>;

/// An HTTP/1.1 server socket. Requests are read and answered on a few network threads; handlers of `RunOn::worker` run
/// on the queue, so that no handler holds up the network. `router` and `queue` must outlive the listener, and the
/// queue be stopped before the listener is destroyed: its handlers answer through it.
class Listener {
 public:
  /// Binds and starts to listen. Throws Error(io) where the address cannot be had, e.g. a port in use. `observe` is
  /// called from network threads and must not throw. `admit`: empty lets every request in.
  Listener(const ListenerOptions& options, const Router& router, WorkQueue& queue, ExchangeObserver observe = {},
           Admit admit = {});
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  std::uint16_t port() const;
  std::size_t connections() const;

  /// Reads certificate and key anew, for connections from now on. Where they cannot be read it throws Error(io), and
  /// the former ones stay in use.
  void reload_tls();

  /// No new connections or requests; returns when all requests are answered and the queue is empty, or after `grace`.
  /// WebSockets are closed then.
  void drain(std::chrono::milliseconds grace);
  /// No new connections or requests; requests being answered may finish within `grace`, then everything is closed.
  /// Callable twice, not from a handler.
  void stop(std::chrono::milliseconds grace);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sagittal::server::http
