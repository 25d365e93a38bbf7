#include "limit_watch.h"

#include <unistd.h>

#include <fstream>

#include <fmt/format.h>

#include "base/text.h"

namespace sagittal {
namespace {

/// Resident pages that belong to no file.
std::uint64_t own_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0, resident = 0, of_files = 0;
  if (!(file >> size >> resident >> of_files) || of_files > resident) return 0;
  return (resident - of_files) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::string span_text(std::chrono::milliseconds span) {
  const auto seconds = static_cast<double>(span.count()) / 1000;
  return seconds < 120 ? fmt::format("{:.3g} s", seconds) : fmt::format("{:.3g} minutes", seconds / 60);
}

}  // namespace

LimitWatch::LimitWatch(const hub::Limits& limits, std::function<void(const Error&)> over)
    : limits_(limits), over_(std::move(over)), thread_([this] { watch(); }) {}

LimitWatch::~LimitWatch() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

std::optional<Error> LimitWatch::excess() const {
  if (const std::uint64_t used = own_bytes(); used > limits_.memory_bytes) {
    const std::uint64_t expected = expected_;
    const std::string need =
        expected > limits_.memory_bytes ? fmt::format("about {}", size_text(expected)) : std::string("more");
    return Error(ErrorCode::too_large, fmt::format("ran out of its memory limit of {}; needs {} (--memory)",
                                                   size_text(limits_.memory_bytes), need));
  }
  if (std::chrono::steady_clock::now() - begin_ <= limits_.time) return std::nullopt;
  return Error(ErrorCode::unavailable,
               fmt::format("was not done within its time limit of {} (--time)", span_text(limits_.time)));
}

void LimitWatch::watch() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return done_; })) {
    if (const auto error = excess()) return over_(*error);
  }
}

}  // namespace sagittal
