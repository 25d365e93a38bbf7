#include "volume/resample.h"

#include <algorithm>
#include <cmath>

namespace sagittal {

std::vector<std::int64_t> nearest_sources(std::int64_t in, std::int64_t out) {
  std::vector<std::int64_t> sources(static_cast<std::size_t>(out));
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  for (std::int64_t i = 0; i < out; ++i) {
    const auto source = static_cast<std::int64_t>(std::floor(static_cast<float>(i) * scale));
    sources[static_cast<std::size_t>(i)] = std::min(source, in - 1);
  }
  return sources;
}

std::vector<LinearTap> linear_taps(std::int64_t in, std::int64_t out) {
  std::vector<LinearTap> taps(static_cast<std::size_t>(out));
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  for (std::int64_t i = 0; i < out; ++i) {
    const float scaled = scale * (static_cast<float>(i) + 0.5f);
    const float source = std::max(scaled - 0.5f, 0.0f);
    LinearTap& tap = taps[static_cast<std::size_t>(i)];
    tap.index0 = std::min(static_cast<std::int64_t>(source), in - 1);
    tap.index1 = std::min(tap.index0 + 1, in - 1);
    tap.weight1 = std::clamp(source - static_cast<float>(tap.index0), 0.0f, 1.0f);
    tap.weight0 = 1.0f - tap.weight1;
  }
  return taps;
}

AreaWindow area_window(std::int64_t i, std::int64_t in, std::int64_t out) {
  return {i * in / out, ((i + 1) * in + out - 1) / out};
}

}  // namespace sagittal
