#pragma once
#include <signal.h>

#include <atomic>
#include <thread>

#include "base/progress.h"

namespace sagittal {

/// SIGINT and SIGTERM cancel a token instead of ending the program, while this lives; a second one ends it. To be made
/// before other threads are, which inherit that the signals are not theirs.
class StopOnSignal {
 public:
  StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  ~StopOnSignal();

  const CancelToken& token() const { return token_; }

 private:
  void wait();

  sigset_t signals_{};
  const CancelToken token_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace sagittal
