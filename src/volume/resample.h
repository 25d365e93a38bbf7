#pragma once
#include <cstdint>
#include <vector>

namespace sagittal {

/// How PyTorch's `interpolate` maps an axis of `in` samples to one of `out`, computed as it does, in float32.

/// mode="nearest": source index of each output, min(floor(x * float(in / out)), in - 1).
std::vector<std::int64_t> nearest_sources(std::int64_t in, std::int64_t out);

/// Two neighbours and their weights: value = weight0 * source[index0] + weight1 * source[index1].
struct LinearTap {
  std::int64_t index0 = 0;
  std::int64_t index1 = 0;
  float weight0 = 1;
  float weight1 = 0;
};
/// mode="(tri)linear", align_corners=False, no antialiasing: source x = max(in/out * (i + 0.5) - 0.5, 0).
std::vector<LinearTap> linear_taps(std::int64_t in, std::int64_t out);

/// Half-open window of sources that are averaged.
struct AreaWindow {
  std::int64_t lo = 0;
  std::int64_t hi = 1;
};
/// mode="area": adaptive average pooling, [floor(i * in / out), ceil((i + 1) * in / out)); neighbours may overlap.
AreaWindow area_window(std::int64_t i, std::int64_t in, std::int64_t out);

}  // namespace sagittal
