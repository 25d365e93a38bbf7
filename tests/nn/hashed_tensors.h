#pragma once
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nn/architecture.h"

/// The deterministic tensors of tests/parity/README.md.
namespace sagittal::nn::hashed {

inline std::vector<float> uniform(std::string_view name, std::size_t count) {
  std::uint64_t seed = 0xCBF29CE484222325;
  for (const char c : name) seed = (seed ^ static_cast<std::uint8_t>(c)) * 0x100000001B3;
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t z = seed + i + 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    z ^= z >> 31;
    values[i] = static_cast<float>(z >> 40) * 0x1p-23F - 1.0F;
  }
  return values;
}

inline std::vector<float> parameter(const Parameter& parameter) {
  std::size_t count = 1;
  for (const std::int64_t extent : parameter.shape) count *= static_cast<std::size_t>(extent);
  std::vector<float> values = uniform(parameter.name, count);
  if (parameter.shape.size() > 1) {
    const bool transposed = parameter.name.find(".transpconvs.") != std::string::npos;
    const double fan_in =
        static_cast<double>(transposed ? parameter.shape[0] : static_cast<std::int64_t>(count) / parameter.shape[0]);
    const auto scale = static_cast<float>(std::sqrt(3.0 / fan_in));
    for (float& value : values) value *= scale;
  } else {
    const float offset = parameter.name.ends_with(".weight") ? 1.0F : 0.0F;
    for (float& value : values) value = offset + 0.1F * value;
  }
  return values;
}

inline StateDict weights(const UNet& network) {
  StateDict out;
  for (const Parameter& p : parameters_of(network)) out.add(p.name, p.shape, parameter(p));
  return out;
}

}  // namespace sagittal::nn::hashed
