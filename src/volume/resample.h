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

/// weight0 * a + weight1 * b with the first product not rounded: PyTorch's kernels fuse it with the sum. Trilinear
/// values are blended along the last axis first.
inline float blend(float weight0, float a, float weight1, float b) {
  return static_cast<float>(static_cast<double>(weight0) * static_cast<double>(a) + static_cast<double>(weight1 * b));
}

/// Half-open window of sources that are averaged.
struct AreaWindow {
  std::int64_t lo = 0;
  std::int64_t hi = 1;
};
/// mode="area": adaptive average pooling, [floor(i * in / out), ceil((i + 1) * in / out)); neighbours may overlap.
AreaWindow area_window(std::int64_t i, std::int64_t in, std::int64_t out);

}  // namespace sagittal
