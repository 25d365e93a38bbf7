#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "stream/message.h"

namespace sagittal::stream {

class Engine;

/// A timer. `period` > 0.
struct Periodic {
  /// What happens after a tick that came late.
  enum class Policy {
    catch_up,          ///< the ticks that were missed follow at once
    min_time_between,  ///< the period counts from the last tick
    no_catch_up,       ///< those missed are left out; the beat stays
  };
  std::chrono::nanoseconds period{0};
  Policy policy = Policy::catch_up;
};
/// "30 hz", "33 ms", "250 us", "2 s", "1000 ns", or a number: nanoseconds. Error(bad_input) otherwise, and for periods
/// that are not from 1 us to 1 day.
std::chrono::nanoseconds period_from(std::string_view text);
/// Holoscan's names: "CatchUpMissedTicks", "MinTimeBetweenTicks", "NoCatchUpMissedTicks"; ours are understood too.
Periodic::Policy policy_from(std::string_view name);

/// When an operator runs, beside what its ports say. All must hold.
struct Conditions {
  std::optional<Periodic> periodic;
  std::optional<std::uint64_t> count;  ///< this many times, then never again
  bool enabled = true;                 ///< switched at run time
};

/// The beat of a timer: when the next tick is due. One thread at a time.
class Beat {
 public:
  explicit Beat(const Periodic& periodic) : periodic_(periodic) {}
  /// The first tick is due at once.
  bool due(SteadyTime now) const { return !started_ || now >= next_; }
  SteadyTime next() const { return next_; }
  void ticked(SteadyTime now);

 private:
  Periodic periodic_;
  bool started_ = false;
  SteadyTime next_ = 0;
};

/// How a thread of an operator's own says that there is something to do. An operator that declares one runs once for
/// every `notify`, several in a row counting as one where it has not begun yet, and never again after `finish`, what
/// was notified before done. Made by the operator; any thread. What is notified before the run began is not lost.
class AsyncEvent {
 public:
  AsyncEvent();
  ~AsyncEvent();
  AsyncEvent(const AsyncEvent&) = delete;
  AsyncEvent& operator=(const AsyncEvent&) = delete;

  void notify();
  void finish();

 private:
  friend class Engine;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sagittal::stream
