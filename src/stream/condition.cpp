#include "stream/condition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "stream/async_state.h"
#include "stream/engine.h"

namespace sagittal::stream {
namespace {

constexpr std::array<std::pair<std::string_view, double>, 5> kUnits{
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"hz", 0}}};
constexpr double kShortest = 1e3, kLongest = 86'400e9;

}  // namespace

std::chrono::nanoseconds period_from(std::string_view text) {
  const std::size_t end = text.find_first_not_of("0123456789.");
  const std::string_view digits = text.substr(0, end);
  const std::string unit =
      end == std::string_view::npos
          ? "ns"
          : lower_case(std::string_view(text).substr(std::min(text.find_first_not_of(" ", end), text.size())));
  const auto number = parse_number<double>(digits);
  for (const auto& [name, factor] : kUnits) {
    if (!number || name != unit || !(*number > 0)) continue;
    const double period = factor == 0 ? 1e9 / *number : *number * factor;
    if (period >= kShortest && period <= kLongest) return std::chrono::nanoseconds(std::llround(period));
  }
  throw Error(ErrorCode::bad_input,
              fmt::format("a period is \"{}\", expected as \"30 hz\" or \"33 ms\", from 1 us to 1 day", text));
}

Periodic::Policy policy_from(std::string_view name) {
  if (name == "CatchUpMissedTicks" || name == "catch_up") return Periodic::Policy::catch_up;
  if (name == "MinTimeBetweenTicks" || name == "min_time_between") return Periodic::Policy::min_time_between;
  if (name == "NoCatchUpMissedTicks" || name == "no_catch_up") return Periodic::Policy::no_catch_up;
  throw Error(ErrorCode::bad_input,
              fmt::format("a timer's policy is \"{}\", expected catch_up, min_time_between or no_catch_up", name));
}

void Beat::ticked(SteadyTime now) {
  const std::int64_t period = periodic_.period.count();
  if (!started_ || periodic_.policy == Periodic::Policy::min_time_between) {
    next_ = now + period;
  } else if (periodic_.policy == Periodic::Policy::catch_up) {
    next_ += period;
  } else {
    next_ += ((now - next_) / period + 1) * period;
  }
  started_ = true;
}

AsyncEvent::AsyncEvent() : state_(std::make_shared<State>()) {}
AsyncEvent::~AsyncEvent() = default;

void AsyncEvent::notify() {
  state_->pending.store(true);
  state_->wake();
}
void AsyncEvent::finish() {
  state_->finished.store(true);
  state_->wake();
}

void AsyncEvent::State::wake() {
  const std::lock_guard lock(mutex);
  if (engine != nullptr) engine->wake(node);
}

}  // namespace sagittal::stream
