#include "interact/normalised_image.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::interact {
namespace {

std::vector<float> normalise(const Index3& shape, StoredVoxels voxels, ThreadPool& pool) {
  const NormalisedImage image(shape, std::move(voxels), pool);
  std::vector<float> out(static_cast<std::size_t>(whole(shape).volume()));
  for (std::int64_t row = 0; row < shape[0] * shape[1]; ++row) {
    image.read({row / shape[1], row % shape[1], 0}, shape[2], out.data() + row * shape[2]);
  }
  return out;
}

TEST(NormalisedImage, StatisticsAreThoseOfTheOccupiedBox) {
  const Index3 shape{20, 19, 18};
  const Box occupied{{3, 4, 5}, {17, 16, 15}};
  std::mt19937 random(1);
  std::normal_distribution<float> value(1000, 30);
  std::vector<float> voxels(static_cast<std::size_t>(whole(shape).volume()));
  double sum = 0, squares = 0;
  for (std::int64_t v = 0; v < whole(shape).volume(); ++v) {
    const std::int64_t i = v / (19 * 18), j = v / 18 % 19, k = v % 18;
    const Box here{{i, j, k}, {i + 1, j + 1, k + 1}};
    if (intersect(here, occupied) != here) continue;
    const bool zero = i == 10 && j == 10;  // zeros inside the box count
    voxels[static_cast<std::size_t>(v)] = zero ? 0 : value(random);
    sum += voxels[static_cast<std::size_t>(v)];
  }
  const auto count = static_cast<double>(occupied.volume());
  const double mean = sum / count;
  for (std::int64_t v = 0; v < whole(shape).volume(); ++v) {
    const std::int64_t i = v / (19 * 18), j = v / 18 % 19, k = v % 18;
    const Box here{{i, j, k}, {i + 1, j + 1, k + 1}};
    if (intersect(here, occupied) == here) squares += std::pow(voxels[static_cast<std::size_t>(v)] - mean, 2);
  }
  const double deviation = std::sqrt(squares / (count - 1));
  ThreadPool pool(3);
  const auto out = normalise(shape, store(voxels), pool);
  for (std::size_t v = 0; v < voxels.size(); ++v) {
    ASSERT_NEAR(out[v], (voxels[v] - mean) / deviation, 1e-5 * (1 + std::abs(voxels[v] - mean) / deviation));
  }
}

TEST(NormalisedImage, IsTheSameWithAnyNumberOfThreads) {
  const Index3 shape{37, 21, 33};
  std::mt19937 random(2);
  std::vector<float> voxels(static_cast<std::size_t>(whole(shape).volume()));
  for (float& voxel : voxels) voxel = static_cast<float>(random() % 4096) - 1024;
  ThreadPool one(1), four(4);
  const auto a = normalise(shape, store(voxels), one), b = normalise(shape, store(voxels), four);
  EXPECT_EQ(a, b);
}

TEST(NormalisedImage, EveryScalarTypeGivesTheSameValues) {
  const Index3 shape{5, 6, 7};
  std::vector<float> voxels(static_cast<std::size_t>(whole(shape).volume()));
  for (std::size_t v = 0; v < voxels.size(); ++v) voxels[v] = static_cast<float>(v * v % 101);
  ThreadPool pool(2);
  const auto expected = normalise(shape, store(voxels), pool);
  const auto expect_same = [&](auto zero) {
    using T = decltype(zero);
    Buffer converted(voxels.size() * sizeof(T));
    std::copy(voxels.begin(), voxels.end(), converted.as<T>().begin());
    const auto found = normalise(shape, store(scalar_type_of<T>(), std::move(converted)), pool);
    for (std::size_t v = 0; v < found.size(); ++v) ASSERT_FLOAT_EQ(found[v], expected[v]);
  };
  expect_same(std::uint8_t{}), expect_same(std::int8_t{}), expect_same(std::uint16_t{}), expect_same(std::int16_t{});
  expect_same(std::uint32_t{}), expect_same(std::int32_t{}), expect_same(std::uint64_t{}), expect_same(std::int64_t{});
  expect_same(double{});
}

TEST(NormalisedImage, LargeIntegersKeepTheirStatistics) {
  const Index3 shape{3, 3, 40000};  // rows longer than what is summed in one go
  std::vector<float> voxels(static_cast<std::size_t>(whole(shape).volume()));
  for (std::size_t v = 0; v < voxels.size(); ++v) voxels[v] = static_cast<float>(65535 - v * v % 3);
  Buffer stored(voxels.size() * sizeof(std::uint16_t));
  std::copy(voxels.begin(), voxels.end(), stored.as<std::uint16_t>().begin());
  ThreadPool pool(2);
  const auto expected = normalise(shape, store(voxels), pool);
  const auto found = normalise(shape, store(ScalarType::u16, std::move(stored)), pool);
  for (std::size_t v = 0; v < voxels.size(); ++v) ASSERT_NEAR(found[v], expected[v], 1e-6);
}

TEST(NormalisedImage, IntegersWithEmptyPlanesAreMeasuredInTheirBox) {
  const Index3 shape{6, 7, 8};
  std::vector<float> voxels(static_cast<std::size_t>(whole(shape).volume()));
  for (std::size_t v = 120; v < 250; ++v) voxels[v] = static_cast<float>(v % 17) - 8;
  Buffer stored(voxels.size() * sizeof(std::int16_t));
  std::copy(voxels.begin(), voxels.end(), stored.as<std::int16_t>().begin());
  ThreadPool pool(2);
  EXPECT_EQ(normalise(shape, store(ScalarType::i16, std::move(stored)), pool), normalise(shape, store(voxels), pool));
}

TEST(NormalisedImage, ReadsVoxelsAtAnyAlignment) {
  const std::vector<std::int16_t> values{-5, 3, 700, 8, 9, -2, 4, 6};
  const auto owner = std::make_shared<Bytes>(1 + 2 * values.size());
  std::memcpy(owner->data() + 1, values.data(), 2 * values.size());
  ThreadPool pool(1);
  const auto shifted = normalise({2, 2, 2}, {ScalarType::i16, ByteView(*owner).subspan(1), owner}, pool);
  EXPECT_EQ(shifted, normalise({2, 2, 2}, store(std::vector<float>(values.begin(), values.end())), pool));
}

TEST(NormalisedImage, SurvivesALargeOffset) {
  std::vector<float> voxels{1e6f, 1e6f + 1, 1e6f, 1e6f + 1, 1e6f, 1e6f + 1, 1e6f, 1e6f + 1};
  ThreadPool pool(1);
  const auto out = normalise({2, 2, 2}, store(voxels), pool);
  EXPECT_NEAR(out[1], std::sqrt(7.0 / 8), 1e-5);
  EXPECT_NEAR(out[0], -std::sqrt(7.0 / 8), 1e-5);
}

TEST(NormalisedImage, RefusesWhatHasNoStatistics) {
  ThreadPool pool(1);
  std::vector<float> voxels(27);
  EXPECT_ERROR(normalise({3, 3, 3}, store(voxels), pool), ErrorCode::bad_input);
  voxels[13] = 5;  // a box of one voxel
  EXPECT_ERROR(normalise({3, 3, 3}, store(voxels), pool), ErrorCode::bad_input);
  voxels.assign(27, -2);
  EXPECT_ERROR(normalise({3, 3, 3}, store(voxels), pool), ErrorCode::bad_input);
  voxels[0] = std::nanf("");
  EXPECT_ERROR(normalise({3, 3, 3}, store(voxels), pool), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::interact
