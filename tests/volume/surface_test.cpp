#include "volume/surface.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "expect_error.h"

namespace sagittal {
namespace {

constexpr std::size_t kMany = 1'000'000;

Geometry turned(double sign) {
  const double a = 0.4;
  return {{40, 40, 40},
          {0.5, 0.75, 2},
          {-10, 20, 30},
          {{{std::cos(a), -std::sin(a), 0}, {std::sin(a), std::cos(a), 0}, {0, 0, sign}}}};
}

/// Every edge is passed as often in one direction as in the other.
void expect_closed(const Surface& surface) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> passed;
  for (const auto& t : surface.triangles) {
    for (std::size_t n = 0; n < 3; ++n) {
      const std::uint32_t a = t[n], b = t[(n + 1) % 3];
      ASSERT_LT(a, surface.points_mm.size());
      a < b ? ++passed[{a, b}] : --passed[{b, a}];
    }
  }
  for (const auto& [edge, sum] : passed) EXPECT_EQ(sum, 0);
}

/// Positive where the triangles are counter-clockwise from outside.
double enclosed_mm3(const Surface& surface) {
  double sum = 0;
  for (const auto& t : surface.triangles) {
    const auto &a = surface.points_mm[t[0]], &b = surface.points_mm[t[1]], &c = surface.points_mm[t[2]];
    sum += static_cast<double>(a[0]) * (b[1] * c[2] - b[2] * c[1]) -
           static_cast<double>(a[1]) * (b[0] * c[2] - b[2] * c[0]) +
           static_cast<double>(a[2]) * (b[0] * c[1] - b[1] * c[0]);
  }
  return sum / 6;
}

TEST(Surface, ABallEnclosesItsVoxelsWhateverTheGrid) {
  const Box bounds{{5, 6, 7}, {25, 26, 27}};
  std::vector<std::uint8_t> voxels;
  std::int64_t count = 0;
  for (int k = 0; k < 20; ++k)
    for (int j = 0; j < 20; ++j)
      for (int i = 0; i < 20; ++i) {
        const double x = i - 9.5, y = j - 9.5, z = k - 9.5;
        voxels.push_back(x * x + y * y + z * z < 90 ? 1 : 0);
        count += voxels.back();
      }
  for (const double sign : {1.0, -1.0}) {
    const Geometry geometry = turned(sign);
    const Surface surface = surface_of(voxels, bounds, geometry, kMany);
    expect_closed(surface);
    const double expected = static_cast<double>(count) * 0.5 * 0.75 * 2;
    EXPECT_NEAR(enclosed_mm3(surface), expected, 0.05 * expected);
    const Vec3 centre = index_to_world(geometry, {14.5, 15.5, 16.5});
    for (std::size_t axis = 0; axis < 3; ++axis) {
      double mean = 0;
      for (const auto& p : surface.points_mm) mean += p[axis];
      EXPECT_NEAR(mean / static_cast<double>(surface.points_mm.size()), centre[axis], 0.1);
    }
  }
}

TEST(Surface, ASingleVoxelHasSixFaces) {
  const Surface surface = surface_of(std::vector<std::uint8_t>{7}, {{3, 3, 3}, {4, 4, 4}}, turned(1), kMany);
  EXPECT_EQ(surface.triangles.size(), 12U);
  EXPECT_EQ(surface.points_mm.size(), 8U);
  expect_closed(surface);
  EXPECT_GT(enclosed_mm3(surface), 0);
}

TEST(Surface, NoiseIsClosedToo) {
  std::mt19937 random(1);
  std::vector<std::uint8_t> voxels(9 * 8 * 7);
  for (auto& voxel : voxels) voxel = random() % 2;
  expect_closed(surface_of(voxels, {{0, 0, 0}, {9, 8, 7}}, turned(1), kMany));
}

TEST(Surface, NothingHasNoSurface) {
  EXPECT_TRUE(surface_of({}, {}, turned(1), kMany).triangles.empty());
  EXPECT_TRUE(surface_of(std::vector<std::uint8_t>(8), {{0, 0, 0}, {2, 2, 2}}, turned(1), kMany).points_mm.empty());
}

TEST(Surface, TooManyTrianglesAreRefusedBeforeTheyAreMade) {
  EXPECT_ERROR(surface_of(std::vector<std::uint8_t>{1}, {{0, 0, 0}, {1, 1, 1}}, turned(1), 11), ErrorCode::too_large);
  EXPECT_ERROR(surface_of(std::vector<std::uint8_t>{1}, {{0, 0, 0}, {2, 1, 1}}, turned(1), kMany),
               ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal
