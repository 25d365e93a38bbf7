#include "stream/clock.h"

#include <chrono>

namespace sagittal::stream {
namespace {

SteadyTime machine_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}
UtcTime machine_utc() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Clock::Clock(Kind kind) : kind_(kind), jumped_(machine_now()), utc_offset_(machine_utc() - machine_now()) {}

SteadyTime Clock::now() const { return kind_ == Kind::real ? machine_now() : jumped_.load(std::memory_order_acquire); }

void Clock::jump_to(SteadyTime time) {
  SteadyTime now = jumped_.load(std::memory_order_relaxed);
  while (now < time && !jumped_.compare_exchange_weak(now, time, std::memory_order_release)) {
  }
}

}  // namespace sagittal::stream
