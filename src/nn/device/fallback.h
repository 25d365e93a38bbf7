#pragma once
#include <functional>
#include <memory>
#include <mutex>

#include "base/log.h"
#include "nn/network.h"

namespace sagittal::nn {

/// A network whose runs go to another one where they throw Error(too_large), which must leave the input as it was. The
/// other is made when it is first needed; that it is, is logged once. It speaks for the first one, whose memory alone
/// it tells.
class FallbackNetwork final : public Network {
 public:
  using Make = std::function<std::shared_ptr<const Network>()>;
  FallbackNetwork(std::shared_ptr<const Network> first, Make make_second, LogSink log = {});

  int input_channels() const override { return first_->input_channels(); }
  int output_channels() const override { return first_->output_channels(); }
  void run(const SpatialSize& size, std::span<const float> input, std::span<float> logits,
           const RunControl& control) const override;
  std::vector<StepTime> run_timed(const SpatialSize& size, std::span<const float> input,
                                  std::span<float> logits) const override;
  NetworkMemory memory(const SpatialSize& size) const override { return first_->memory(size); }
  NetworkUse use() const override;
  std::string description() const override { return first_->description(); }
  std::string device() const override { return first_->device(); }

 private:
  const Network& second(const std::exception& reason) const;

  const std::shared_ptr<const Network> first_;
  const Make make_second_;
  const LogSink log_;
  mutable std::mutex mutex_;  // guards second_
  mutable std::shared_ptr<const Network> second_;
};

}  // namespace sagittal::nn
