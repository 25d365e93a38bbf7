#pragma once
#include <functional>
#include <vector>

#include "nn/network.h"

namespace sagittal::segment {

/// A network whose logits are a function of head and first channel, voxel by voxel; it remembers what it was shown.
class SampleNetwork : public nn::Network {
 public:
  using Rule = std::function<float(int head, float value)>;
  SampleNetwork(int channels, int heads, Rule rule) : channels_(channels), heads_(heads), rule_(std::move(rule)) {}

  int input_channels() const override { return channels_; }
  int output_channels() const override { return heads_; }
  std::string description() const override { return "sample"; }
  std::string device() const override { return "cpu"; }

  void run(const nn::SpatialSize& size, std::span<const float> input, std::span<float> logits,
           const RunControl& control) const override {
    control.check();
    inputs.emplace_back(input.begin(), input.end());
    const auto voxels = static_cast<std::size_t>(size[0] * size[1] * size[2]);
    for (std::size_t n = 0; n < logits.size(); ++n) {
      logits[n] = rule_(static_cast<int>(n / voxels), input[n % voxels]);
    }
  }

  mutable std::vector<std::vector<float>> inputs;

 private:
  int channels_, heads_;
  Rule rule_;
};

}  // namespace sagittal::segment
