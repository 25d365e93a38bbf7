#include "interact/normalise.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::interact {
namespace {

TEST(Normalise, StatisticsAreThoseOfTheOccupiedBox) {
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
  const Buffer out = normalise(shape, voxels, pool);
  for (std::size_t v = 0; v < voxels.size(); ++v) {
    ASSERT_NEAR(out.as<float>()[v], (voxels[v] - mean) / deviation,
                1e-5 * (1 + std::abs(voxels[v] - mean) / deviation));
  }
}

TEST(Normalise, IsTheSameWithAnyNumberOfThreads) {
  const Index3 shape{37, 21, 33};
  std::mt19937 random(2);
  std::vector<float> voxels(static_cast<std::size_t>(whole(shape).volume()));
  for (float& voxel : voxels) voxel = static_cast<float>(random() % 4096) - 1024;
  ThreadPool one(1), four(4);
  const Buffer a = normalise(shape, voxels, one), b = normalise(shape, voxels, four);
  EXPECT_TRUE(std::equal(a.as<float>().begin(), a.as<float>().end(), b.as<float>().begin()));
}

TEST(Normalise, SurvivesALargeOffset) {
  std::vector<float> voxels{1e6f, 1e6f + 1, 1e6f, 1e6f + 1, 1e6f, 1e6f + 1, 1e6f, 1e6f + 1};
  ThreadPool pool(1);
  const Buffer out = normalise({2, 2, 2}, voxels, pool);
  EXPECT_NEAR(out.as<float>()[1], std::sqrt(7.0 / 8), 1e-5);
  EXPECT_NEAR(out.as<float>()[0], -std::sqrt(7.0 / 8), 1e-5);
}

TEST(Normalise, RefusesWhatHasNoStatistics) {
  ThreadPool pool(1);
  std::vector<float> voxels(27);
  EXPECT_ERROR(normalise({3, 3, 3}, voxels, pool), ErrorCode::bad_input);
  voxels[13] = 5;  // a box of one voxel
  EXPECT_ERROR(normalise({3, 3, 3}, voxels, pool), ErrorCode::bad_input);
  voxels.assign(27, -2);
  EXPECT_ERROR(normalise({3, 3, 3}, voxels, pool), ErrorCode::bad_input);
  voxels[0] = std::nanf("");
  EXPECT_ERROR(normalise({3, 3, 3}, voxels, pool), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::interact
