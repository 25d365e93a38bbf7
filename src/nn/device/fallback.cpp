#include "nn/device/fallback.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::nn {

FallbackNetwork::FallbackNetwork(std::shared_ptr<const Network> first, Make make_second, LogSink log)
    : first_(std::move(first)), make_second_(std::move(make_second)), log_(std::move(log)) {}

void FallbackNetwork::run(const SpatialSize& size, std::span<const float> input, std::span<float> logits,
                          const RunControl& control) const {
  try {
    first_->run(size, input, logits, control);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::too_large) throw;
    second(error).run(size, input, logits, control);
  }
}

std::vector<StepTime> FallbackNetwork::run_timed(const SpatialSize& size, std::span<const float> input,
                                                 std::span<float> logits) const {
  try {
    return first_->run_timed(size, input, logits);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::too_large) throw;
    return second(error).run_timed(size, input, logits);
  }
}

NetworkUse FallbackNetwork::use() const {
  NetworkUse sum = first_->use();
  const std::lock_guard lock(mutex_);
  if (second_) {
    const NetworkUse more = second_->use();
    sum.seconds += more.seconds;
    sum.processor_seconds += more.processor_seconds;
  }
  return sum;
}

const Network& FallbackNetwork::second(const std::exception& reason) const {
  const std::lock_guard lock(mutex_);
  if (!second_) {
    second_ = make_second_();
    if (log_) {
      log_(LogLevel::warning,
           fmt::format("{}; what does not fit is computed by {}", reason.what(), second_->description()));
    }
  }
  return *second_;
}

}  // namespace sagittal::nn
