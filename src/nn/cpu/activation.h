#pragma once
#include <vector>

#include "nn/cpu/program.h"
#include "nn/network.h"

namespace sagittal::nn::cpu {

/// Channels come in multiples of this many in memory; the rest is zero.
inline constexpr int kChannelUnit = 8;
inline int padded(int channels) { return (channels + kChannelUnit - 1) / kChannelUnit * kChannelUnit; }
inline std::int64_t voxels_of(const SpatialSize& size) { return size[0] * size[1] * size[2]; }

/// A feature map [d, h, w, c] in the arena. Its channels are groups, each padded on its own: one, or (upsampled, skip).
struct Activation {
  TensorId tensor = TensorId::none;
  std::vector<int> groups;
  SpatialSize size{};

  int stored_channels() const {
    int sum = 0;
    for (const int group : groups) sum += padded(group);
    return sum;
  }
  std::int64_t voxels() const { return voxels_of(size); }
  std::int64_t elements() const { return voxels() * stored_channels(); }
};

/// Where an instance norm leaves scale and shift for the pass that applies them: floats [2][pattern].
struct Coefficients {
  TensorId tensor = TensorId::none;
  std::int64_t pattern = 0;
};

}  // namespace sagittal::nn::cpu
