#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace sagittal::server::http {

/// Threads for heavy work. Tasks of one key run one after the other in the order submitted; different keys run side by
/// side. Bounded: a full queue refuses, it never blocks the caller.
class WorkQueue {
 public:
  struct Limits {
    int threads = 2;
    std::size_t waiting = 64;         ///< tasks not yet begun, all keys together
    std::size_t waiting_per_key = 8;  ///< of these, of one key
  };

  explicit WorkQueue(const Limits& limits);
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;
  ~WorkQueue();

  /// False where the queue is full or stopped; `task` was then not kept. A task must not throw.
  bool submit(const std::string& key, std::function<void()> task);

  std::size_t waiting() const;
  std::size_t running() const;

  /// Drops the waiting tasks, returns when the running ones are done. Callable twice.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sagittal::server::http
