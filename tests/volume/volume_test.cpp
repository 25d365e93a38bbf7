#include "volume/volume.h"

#include <gtest/gtest.h>

#include <array>

#include "expect_error.h"
#include "volume/box.h"

namespace sagittal {
namespace {

TEST(Volume, HoldsExactlyItsVoxels) {
  const std::array<std::int16_t, 6> voxels{-1, 0, 2, 3, 4, 5};
  Geometry geometry;
  geometry.size = {3, 2, 1};
  const Volume volume = make_volume<std::int16_t>(geometry, voxels);
  EXPECT_EQ(to_float(volume)[0], -1.0F);
  EXPECT_EQ(to_mask(volume).as<std::uint8_t>()[1], 0);
  EXPECT_EQ(to_mask(volume).as<std::uint8_t>()[0], 1);
  EXPECT_ERROR(volume.as<float>(), ErrorCode::internal);
  EXPECT_ERROR(Volume(geometry, ScalarType::i16, Buffer(11)), ErrorCode::bad_input);
}

TEST(Volume, NamesAreNumPys) {
  for (int i = 0; i < 10; ++i) {
    const auto type = static_cast<ScalarType>(i);
    EXPECT_EQ(scalar_type_from_name(name_of(type)), type);
  }
  EXPECT_FALSE(scalar_type_from_name("complex64"));
}

TEST(Box, IntersectAndHull) {
  const Box a{{0, 0, 0}, {4, 4, 4}}, b{{2, 2, 5}, {6, 6, 6}};
  EXPECT_TRUE(intersect(a, b).empty());
  EXPECT_EQ(intersect(a, b).volume(), 0);
  EXPECT_EQ(hull(a, b), (Box{{0, 0, 0}, {6, 6, 6}}));
}

}  // namespace
}  // namespace sagittal
