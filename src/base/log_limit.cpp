#include "base/log_limit.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>

namespace sagittal {
namespace {

class Limiter {
 public:
  Limiter(LogSink sink, LogLimit limit) : sink_(std::move(sink)), limit_(std::move(limit)), refilled_(limit_.now()) {}

  void log(LogLevel level, std::string_view text) {
    std::uint64_t left_out = 0;
    {
      const std::lock_guard lock(mutex_);
      refill();
      if (used_ == limit_.burst) {
        ++left_out_;
        return;
      }
      ++used_;
      left_out = std::exchange(left_out_, 0);
    }
    sink_(level, left_out == 0 ? std::string(text) : fmt::format("{} ({} lines before it left out)", text, left_out));
  }

 private:
  void refill() {
    const auto now = limit_.now();
    const auto lines = (now - refilled_) / limit_.refill;
    used_ -= static_cast<int>(std::min<std::int64_t>(used_, lines));
    refilled_ += lines * limit_.refill;
  }

  const LogSink sink_;
  const LogLimit limit_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point refilled_;  // these are guarded by mutex_
  int used_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace

LogSink limited(LogSink sink, LogLimit limit) {
  if (!sink) return {};
  const auto limiter = std::make_shared<Limiter>(std::move(sink), std::move(limit));
  return [limiter](LogLevel level, std::string_view text) { limiter->log(level, text); };
}

}  // namespace sagittal
