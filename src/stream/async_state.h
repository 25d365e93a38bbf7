#pragma once
#include <atomic>
#include <mutex>

#include "stream/condition.h"

namespace sagittal::stream {

/// What an AsyncEvent and the engine share. `mutex` is taken before the engine's, never after it.
struct AsyncEvent::State {
  std::atomic<bool> pending{false}, finished{false};
  std::mutex mutex;
  Engine* engine = nullptr;  // guarded by mutex; null outside of a run
  std::size_t node = 0;

  void wake();
};

}  // namespace sagittal::stream
