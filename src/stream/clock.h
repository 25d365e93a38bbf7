#pragma once
#include <atomic>

#include "stream/message.h"

namespace sagittal::stream {

/// The time of a run: the machine's, or one that jumps to the next event instead of waiting, for tests and for
/// recordings that are computed as fast as they can be. Any thread.
class Clock {
 public:
  enum class Kind { real, jumping };
  explicit Clock(Kind kind = Kind::real);

  Kind kind() const { return kind_; }
  SteadyTime now() const;
  UtcTime utc_now() const { return utc_of(now()); }
  UtcTime utc_of(SteadyTime time) const { return time + utc_offset_; }
  /// Of a jumping clock only; never goes back.
  void jump_to(SteadyTime time);

 private:
  const Kind kind_;
  std::atomic<SteadyTime> jumped_;
  const UtcTime utc_offset_;
};

}  // namespace sagittal::stream
