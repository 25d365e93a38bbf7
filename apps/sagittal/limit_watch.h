#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "hub/runners/sandbox.h"

namespace sagittal {

/// Watches what this process takes, where no sandbox does: its own memory (pages of files that it reads are not
/// counted) and the time since the watch began.
class LimitWatch {
 public:
  /// `over` is called once, from the watch's thread, with what was exceeded. Looks fifty times a second.
  LimitWatch(const hub::Limits& limits, std::function<void(const Error&)> over);
  ~LimitWatch();
  LimitWatch(const LimitWatch&) = delete;
  LimitWatch& operator=(const LimitWatch&) = delete;

  /// What the work will need as far as is known, for people. Any thread.
  void expect(std::uint64_t bytes) { expected_ = bytes; }

 private:
  void watch();
  std::optional<Error> excess() const;

  const hub::Limits limits_;
  const std::function<void(const Error&)> over_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::atomic<std::uint64_t> expected_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;  // last: it uses all others
};

}  // namespace sagittal
