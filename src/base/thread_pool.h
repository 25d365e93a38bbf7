#pragma once
#include <cstdint>
#include <functional>
#include <memory>

namespace sagittal {

/// A fixed set of threads for data-parallel loops. The caller's thread works too, so `ThreadPool(1)` starts none.
/// Several threads may call `parallel_for` at once, and a body may call it again: who waits for a loop waits only for
/// ranges that others already work on. Loops of several answers that are computed at once divide the threads evenly
/// (computing.h).
class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  int size() const;

  /// Calls `body(begin, end)` on disjoint ranges of at most `grain` that together are [0, count). Returns when all are
  /// done; the first exception thrown by a body is rethrown here, and ranges not yet begun are then skipped.
  void parallel_for(std::int64_t count, std::int64_t grain,
                    const std::function<void(std::int64_t, std::int64_t)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sagittal
