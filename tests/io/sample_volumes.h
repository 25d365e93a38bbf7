#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "volume/volume.h"

namespace sagittal::io {

/// Turned about two axes; left-handed where asked.
inline Geometry oblique_geometry(bool left_handed, const Index3& size = {5, 4, 3}) {
  const double a = 0.3, b = -0.2;
  const Mat3 turned{{{std::cos(a), -std::sin(a) * std::cos(b), std::sin(a) * std::sin(b)},
                     {std::sin(a), std::cos(a) * std::cos(b), -std::cos(a) * std::sin(b)},
                     {0, std::sin(b), std::cos(b)}}};
  Geometry geometry{size, {0.7, 0.8125, 2.5}, {-100.25, 33.3, 1e3 / 7}, turned};
  for (auto& row : geometry.direction) row[2] *= left_handed ? -1 : 1;
  return geometry;
}

/// Voxels of any type: counting up, with both ends of the type's range among them.
inline Volume counting_volume(const Geometry& geometry, ScalarType type) {
  const auto count = static_cast<std::size_t>(geometry.voxel_count());
  Buffer voxels(count * size_of(type));
  std::mt19937 random(3);
  for (auto& byte : voxels.as<std::uint8_t>()) byte = static_cast<std::uint8_t>(random());
  if (type == ScalarType::f32) {
    for (float& v : voxels.as<float>()) v = static_cast<float>(random()) / 977.0F;
  }
  if (type == ScalarType::f64) {
    for (double& v : voxels.as<double>()) v = static_cast<double>(random()) / 977.0;
  }
  return Volume(geometry, type, std::move(voxels));
}

inline void expect_same_voxels(const Volume& a, const Volume& b) {
  EXPECT_EQ(name_of(a.type()), name_of(b.type()));
  ASSERT_EQ(a.bytes().size(), b.bytes().size());
  EXPECT_TRUE(std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin()));
}

inline void expect_near(const Geometry& a, const Geometry& b, double tolerance) {
  EXPECT_EQ(a.size, b.size);
  for (int r = 0; r < 3; ++r) {
    EXPECT_NEAR(a.spacing_mm[r], b.spacing_mm[r], tolerance * a.spacing_mm[r]);
    EXPECT_NEAR(a.origin_mm[r], b.origin_mm[r], tolerance * (1 + std::abs(a.origin_mm[r])));
    for (int c = 0; c < 3; ++c) EXPECT_NEAR(a.direction[r][c], b.direction[r][c], tolerance);
  }
}

}  // namespace sagittal::io
