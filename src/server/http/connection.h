#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "server/http/body_memory.h"
#include "server/http/listener.h"
#include "server/http/transport.h"

namespace sagittal::server::http {

class Connection;

/// How long to wait for the next bytes of a body of which `received` came in the time `spent`.
inline std::chrono::milliseconds body_patience(const ListenerOptions& options, std::uint64_t received,
                                               std::chrono::steady_clock::duration spent) {
  using std::chrono::milliseconds;
  const milliseconds earned(1000 * received / options.min_bytes_per_second);
  const auto left = options.body_timeout + earned - std::chrono::duration_cast<milliseconds>(spent);
  return std::clamp(left, milliseconds(1), options.body_timeout);
}

/// What all connections of one listener share. Any thread.
struct Shared {
  Shared(const ListenerOptions& chosen, const Router& routes, WorkQueue& workers, ExchangeObserver observer,
         Admit admission)
      : options(chosen),
        router(routes),
        queue(workers),
        observe(std::move(observer)),
        admit(std::move(admission)),
        bodies(std::make_shared<BodyBudget>(chosen.max_body_bytes_in_memory)) {}

  std::size_t count() const;
  /// Whether one more connection may come; where there are too many, it closes some that ask nothing.
  bool has_room();
  /// Closes a few of the address that has most connections without a request, those longest so. False: there is none.
  bool close_some_waiting();
  /// Tells WebSockets that the server goes down.
  void close_web_sockets();
  /// When no network thread runs any more.
  void close_all();

  /// Null for plain HTTP.
  TlsContext tls() const;
  void load_tls();

  const ListenerOptions options;
  const Router& router;
  WorkQueue& queue;
  const ExchangeObserver observe;
  const Admit admit;
  const std::shared_ptr<BodyBudget> bodies;
  std::atomic<std::size_t> answering{0};  ///< requests between their header and the end of their answer
  std::atomic<std::size_t> web_sockets{0};
  std::atomic<bool> draining{false};

 private:
  friend class Connection;
  mutable std::mutex mutex_;
  std::set<Connection*> connections_;  // guarded by mutex_
  TlsContext tls_;                     // guarded by mutex_
};

/// One client's connection, as the others see it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Shared> shared, std::string address);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection();

  /// On the connection's strand, or when no network thread runs any more.
  virtual void close() = 0;
  /// From any thread: closes it soon, unless a request has come by then.
  virtual void close_if_waiting() = 0;
  /// From any thread: a WebSocket says goodbye and closes.
  virtual void go_away() {}

  /// No request of it is being read or answered. Any thread.
  bool waiting() const { return waiting_since_ != 0; }
  std::int64_t waiting_since() const { return waiting_since_; }
  const std::string& address() const { return address_; }

 protected:
  void set_waiting(bool waiting) {
    waiting_since_ = waiting ? std::chrono::steady_clock::now().time_since_epoch().count() : 0;
  }
  const std::shared_ptr<Shared> shared_;

 private:
  const std::string address_;
  std::atomic<std::int64_t> waiting_since_;
};

/// Serves `socket` until it is closed.
void start_connection(Transport::Socket socket, const std::shared_ptr<Shared>& shared);

}  // namespace sagittal::server::http
