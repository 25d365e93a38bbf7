#include "nn/device/agreement.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "nn/noise.h"

namespace sagittal::nn {
namespace {

constexpr double kTolerance = 0.05;  // half precision stays below a hundredth

std::vector<float> logits_of(const Network& network, const SpatialSize& size) {
  const auto voxels = static_cast<std::size_t>(size[0] * size[1] * size[2]);
  std::vector<float> input(voxels * static_cast<std::size_t>(network.input_channels()));
  std::vector<float> logits(voxels * static_cast<std::size_t>(network.output_channels()));
  make_noise(input, 1);
  network.run(size, input, logits, {});
  return logits;
}

double deviation(const std::vector<float>& values) {
  double sum = 0, squares = 0;
  for (const double value : values) {
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(values.size());
  return std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
}

/// Infinite where one is not a number.
double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}

}  // namespace

Sample::Sample() {
  network.block = BlockKind::basic;
  network.input_channels = 2;
  network.output_channels = 3;
  network.stem_features = 12;
  network.encoder = {{12, {3, 3, 3}, {1, 1, 1}, 1}, {20, {3, 3, 3}, {2, 2, 2}, 2}};
  network.decoder_convolutions = {1};
  weights = noise_weights(network);
}

std::optional<std::string> disagreement(const Network& candidate, const Network& reference, const SpatialSize& size) {
  const std::vector<float> expected = logits_of(reference, size), found = logits_of(candidate, size);
  const double largest = largest_difference(found, expected), spread = deviation(expected);
  if (largest < kTolerance * spread) return {};
  return fmt::format("its logits of a small network differ from the processor's by {:.3g}, where they vary by {:.3g}",
                     largest, spread);
}

}  // namespace sagittal::nn
