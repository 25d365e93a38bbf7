#pragma once
#include <chrono>
#include <functional>

#include "base/log.h"

namespace sagittal {

struct LogLimit {
  int burst = 50;                          ///< lines at once
  std::chrono::milliseconds refill{1000};  ///< after which there is one more
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

/// A log for what strangers cause, who may cause it without end: what goes beyond the limit is counted, and the next
/// line that fits says how many were left out. Any thread; nothing for no sink.
LogSink limited(LogSink sink, LogLimit limit = {});

}  // namespace sagittal
