#pragma once
#include <atomic>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>
#include <vector>

namespace sagittal {

/// A shared flag: whoever holds a copy may stop the work, from any thread.
class CancelToken {
 public:
  CancelToken() : state_(std::make_shared<State>()) {}
  /// Cancelled also once one of `others` is, which are not cancelled with it.
  explicit CancelToken(std::initializer_list<CancelToken> others);

  void cancel() const { state_->flag.store(true, std::memory_order_relaxed); }
  bool cancelled() const;

 private:
  struct State {
    std::atomic<bool> flag = false;
    std::vector<CancelToken> others = {};
  };
  std::shared_ptr<State> state_;
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
