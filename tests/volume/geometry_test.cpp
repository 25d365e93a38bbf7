#include "volume/geometry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expect_error.h"

namespace sagittal {
namespace {

Geometry oblique() {
  const double c = std::cos(0.3), s = std::sin(0.3);
  return {{10, 20, 30}, {0.5, 0.7, 2.5}, {-100, 20, 7}, {{{c, -s, 0}, {s, c, 0}, {0, 0, 1}}}};
}

TEST(Geometry, IndexToWorldAndBack) {
  const Vec3 index{3, 4.5, 29};
  const Vec3 back = world_to_index(oblique(), index_to_world(oblique(), index));
  for (int axis = 0; axis < 3; ++axis) EXPECT_NEAR(back[axis], index[axis], 1e-12);
}

TEST(Geometry, LeftHandedGridsAreKept) {
  Geometry g;
  g.direction = {{{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  check_geometry(g, "test");
  EXPECT_EQ(orientation_code(g), "RPS");
  EXPECT_EQ(index_to_world(g, {2, 0, 0})[0], -2);
}

TEST(Geometry, SameGridToleratesRoundingOnly) {
  Geometry moved = oblique();
  moved.origin_mm[0] += 1e-6;
  EXPECT_TRUE(same_grid(oblique(), moved));
  moved.origin_mm[0] += 0.01;
  EXPECT_FALSE(same_grid(oblique(), moved));
}

TEST(Geometry, ForgedValuesAreErrors) {
  for (const double bad : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::nan("")}) {
    Geometry g = oblique();
    g.spacing_mm[1] = bad;
    EXPECT_ERROR(check_geometry(g, "test"), ErrorCode::bad_input);
  }
  Geometry g = oblique();
  g.direction[0][0] = 0;
  EXPECT_ERROR(check_geometry(g, "test"), ErrorCode::bad_input);
  g = oblique();
  g.size[2] = 0;
  EXPECT_ERROR(check_geometry(g, "test"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal
