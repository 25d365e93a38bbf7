#include "nn/noise.h"

#include <cmath>
#include <cstdint>

namespace sagittal::nn {

void make_noise(std::span<float> values, float scale) {
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525 + 1013904223;
    value = scale * (static_cast<float>(state >> 8) * 0x1p-23F - 1.0F);
  }
}

std::size_t element_count(const Parameter& parameter) {
  std::size_t count = 1;
  for (const std::int64_t extent : parameter.shape) count *= static_cast<std::size_t>(extent);
  return count;
}

std::vector<float> noise_of(const Parameter& parameter) {
  const std::size_t count = element_count(parameter);
  const double inputs = static_cast<double>(count) / static_cast<double>(parameter.shape[0]);
  std::vector<float> values(count);
  make_noise(values, parameter.shape.size() == 1 ? 1 : static_cast<float>(std::sqrt(3 / inputs)));
  return values;
}

StateDict noise_weights(const UNet& network) {
  StateDict weights;
  for (const Parameter& parameter : parameters_of(network)) {
    weights.add(parameter.name, parameter.shape, noise_of(parameter));
  }
  return weights;
}

}  // namespace sagittal::nn
