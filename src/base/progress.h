#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string_view>

namespace sagittal {

/// A shared flag: whoever holds a copy may stop the work, from any thread.
class CancelToken {
 public:
  CancelToken() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() const { flag_->store(true, std::memory_order_relaxed); }
  bool cancelled() const { return flag_->load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

/// How far a piece of work is: `fraction` in [0, 1], `stage` a short present participle ("refining").
struct Progress {
  std::string_view stage;
  double fraction = 0;
};

/// Called from the working thread; must return quickly and not throw.
using ProgressSink = std::function<void(const Progress&)>;

/// What long work is given: where to report, and when to stop. Cheap to copy.
struct RunControl {
  ProgressSink sink;
  CancelToken cancel;

  void report(std::string_view stage, double fraction) const {
    if (sink) sink({stage, fraction});
  }
  /// Throws Error(cancelled) once `cancel` was called.
  void check() const;
};

}  // namespace sagittal
