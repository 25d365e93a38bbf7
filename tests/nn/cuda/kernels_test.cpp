#include "nn/cuda/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace sagittal::nn::cuda {
namespace {

template <class K>
void run(const K& kernel) {
  for (Index n = 0; n < kernel.count(); ++n) kernel(n);
}

std::vector<Half> random_map(std::size_t count) {
  std::mt19937 random(5);
  std::normal_distribution<float> values(3, 2);
  std::vector<Half> map(count);
  for (Half& value : map) value = to_half(values(random));
  return map;
}

TEST(CardKernels, NormIsThatOfTheValues) {
  constexpr Index voxels = 1003;
  constexpr int pitch = 24, octets = 2, channels = 16, first = 8;
  const std::vector<Half> map = random_map(voxels * pitch);
  const std::vector<float> gamma(channels, 2.0F), beta(channels, -1.0F);
  std::vector<float> sums(37 * 2 * channels), fewer(5 * 2 * channels), norm(2 * channels);
  run(Sums{map.data() + first, sums.data(), voxels, 37, pitch, octets});
  run(Merge{sums.data(), fewer.data(), 37, 5, 2 * channels});
  run(Fold{fewer.data(), gamma.data(), beta.data(), norm.data(), voxels, 5, 1e-5, channels});
  std::vector<Half> out(voxels * channels);
  run(Normalise{map.data() + first, out.data(), norm.data(), nullptr, nullptr, voxels, pitch, channels, 0, octets, 1});
  for (int channel = 0; channel < channels; ++channel) {
    double sum = 0, squares = 0;
    for (Index voxel = 0; voxel < voxels; ++voxel) {
      const double value = from_half(out[static_cast<std::size_t>(voxel * channels + channel)]);
      sum += value;
      squares += value * value;
    }
    const double mean = sum / voxels;
    EXPECT_NEAR(mean, -1, 1e-3);
    EXPECT_NEAR(std::sqrt(squares / voxels - mean * mean), 2, 2e-3);
  }
}

TEST(CardKernels, AConstantMapHasAFiniteNorm) {
  const std::vector<Half> map(100 * kOctet, to_half(7));
  std::vector<float> sums(2 * kOctet), norm(2 * kOctet);
  run(Sums{map.data(), sums.data(), 100, 1, kOctet, 1});
  run(Fold{sums.data(), nullptr, nullptr, norm.data(), 100, 1, 1e-5, kOctet});
  for (int channel = 0; channel < kOctet; ++channel) {
    EXPECT_NEAR(7 * norm[static_cast<std::size_t>(channel)] + norm[static_cast<std::size_t>(kOctet + channel)], 0,
                1e-3);
  }
}

TEST(CardKernels, ResidualIsAddedWithItsOwnNormBeforeTheActivation) {
  const std::vector<Half> x(kOctet, to_half(1)), residual(kOctet, to_half(4));
  std::vector<float> norm(2 * kOctet, 1.0F), other(2 * kOctet, -1.0F);
  std::vector<Half> out(kOctet);
  run(Normalise{x.data(), out.data(), norm.data(), residual.data(), nullptr, 1, kOctet, kOctet, kOctet, 1, 0.5F});
  EXPECT_EQ(from_half(out[3]), 6);
  run(Normalise{x.data(), out.data(), norm.data(), residual.data(), other.data(), 1, kOctet, kOctet, kOctet, 1, 0.5F});
  EXPECT_EQ(from_half(out[3]), -1.5F);
}

}  // namespace
}  // namespace sagittal::nn::cuda
