#include "nn/cpu/norm.h"

#include <algorithm>
#include <cmath>

namespace sagittal::nn::cpu {
namespace {
constexpr std::int64_t kMaxRanges = 256;
}

Ranges::Ranges(std::int64_t item_count, std::int64_t wanted, std::int64_t unit) : items(item_count) {
  const std::int64_t units = (items + unit - 1) / unit;
  const std::int64_t ranges = std::clamp<std::int64_t>(items / wanted, 1, kMaxRanges);
  each = (units + ranges - 1) / ranges * unit;
  count = (items + each - 1) / each;
}

std::int64_t Ranges::size(std::int64_t range) const { return std::min(each, items - begin(range)); }

NormParameters::NormParameters(const WeightStore& weights, const std::string& name, int channels, double norm_epsilon)
    : gamma(weights.vector(name + ".weight", channels, 1)),
      beta(weights.vector(name + ".bias", channels, 0)),
      epsilon(norm_epsilon) {}

void NormParameters::fold(const std::vector<float>& origin, const double* sums, std::int64_t ranges,
                          std::int64_t voxels, float* scale, float* shift) const {
  const double count = static_cast<double>(voxels);
  for (std::size_t c = 0; c < channels(); ++c) {
    double sum = 0, square = 0;
    for (std::int64_t range = 0; range < ranges; ++range) {
      const double* here = sums + static_cast<std::size_t>(range) * 2 * channels();
      sum += here[c];
      square += here[channels() + c];
    }
    const double offset = sum / count;
    const double variance = std::max(0.0, square / count - offset * offset);
    const double factor = static_cast<double>(gamma[c]) / std::sqrt(variance + epsilon);
    scale[c] = static_cast<float>(factor);
    shift[c] = static_cast<float>(static_cast<double>(beta[c]) - (static_cast<double>(origin[c]) + offset) * factor);
  }
}

}  // namespace sagittal::nn::cpu
