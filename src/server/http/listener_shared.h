#pragma once
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "server/http/body_memory.h"
#include "server/http/listener.h"

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

/// What all connections of one listener share.
struct Shared {
  Shared(const ListenerOptions& chosen, const Router& routes, WorkQueue& workers, ExchangeObserver observer,
         Admit admission)
      : options(chosen),
        router(routes),
        queue(workers),
        observe(std::move(observer)),
        admit(std::move(admission)),
        bodies(std::make_shared<BodyBudget>(chosen.max_body_bytes_in_memory)) {}

  ListenerOptions options;
  const Router& router;
  WorkQueue& queue;
  ExchangeObserver observe;
  Admit admit;
  std::mutex mutex;
  std::set<Connection*> connections;      ///< guarded by `mutex`
  std::atomic<std::size_t> answering{0};  ///< requests between their header and the end of their answer
  std::shared_ptr<BodyBudget> bodies;
  std::atomic<bool> draining{false};
};

}  // namespace sagittal::server::http
