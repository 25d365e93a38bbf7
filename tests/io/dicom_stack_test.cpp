#include "io/dicom_stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::io {
namespace {

using testing::ElementsAre;

/// Axial planes at the heights given, 0.5 x 0.7 mm pixels.
std::vector<Plane> planes_at(std::initializer_list<double> heights, double shear = 0) {
  std::vector<Plane> planes;
  for (const double z : heights) {
    Plane plane;
    plane.position = Vec3{-10, 5 + shear * z, z};
    plane.spacing_i = 0.5;
    plane.spacing_j = 0.7;
    plane.order = static_cast<std::int64_t>(planes.size());
    planes.push_back(plane);
  }
  return planes;
}

Stack stack(const std::vector<Plane>& planes, bool allow_missing = false) {
  return stack_planes(planes, {4, 3, 1}, allow_missing, "series");
}

TEST(DicomStack, PlanesAreSortedAlongTheirNormalWhateverTheirOrder) {
  const Stack s = stack(planes_at({30, 27.5, 35, 32.5}));
  EXPECT_THAT(s.frames, ElementsAre(ElementsAre(1, 0, 3, 2)));
  EXPECT_EQ(s.geometry.size, (Index3{4, 3, 4}));
  EXPECT_EQ(s.geometry.spacing_mm, (Vec3{0.5, 0.7, 2.5}));
  EXPECT_EQ(s.geometry.origin_mm, (Vec3{-10, 5, 27.5}));
  EXPECT_TRUE(s.warnings.empty());
}

TEST(DicomStack, ThirdAxisIsTheNormalSoTheGridIsRightHanded) {
  auto planes = planes_at({0, 2, 4});
  for (Plane& p : planes) p.along_i = {-1, 0, 0};
  const Stack s = stack(planes);
  EXPECT_THAT(s.frames[0], ElementsAre(2, 1, 0));
  EXPECT_NEAR(determinant(s.geometry.direction), 1, 1e-12);
  EXPECT_EQ(orientation_code(s.geometry), "RPI");
}

TEST(DicomStack, MissingSlicesAreAnErrorThatSaysWhere) {
  const auto planes = planes_at({0, 2, 4, 10, 12, 16});
  try {
    stack(planes);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_input);
    EXPECT_THAT(error.what(),
                testing::HasSubstr("3 slices missing (2 between 4.00 and 10.00 mm, 1 between 12.00 and 16.00 mm)"));
  }
  const Stack s = stack(planes, true);
  EXPECT_EQ(s.missing, 3U);
  EXPECT_EQ(s.geometry.size[2], 9);
  EXPECT_EQ(s.geometry.spacing_mm[2], 2);
  constexpr auto none = Stack::kMissing;
  EXPECT_THAT(s.frames[0], ElementsAre(0, 1, 2, none, none, 3, 4, none, 5));
  EXPECT_EQ(s.warnings.size(), 1U);
}

TEST(DicomStack, GantryTiltIsAnErrorThatSaysTheAngle) {
  try {
    stack(planes_at({0, 2, 4, 6}, 0.2));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unsupported);
    EXPECT_THAT(error.what(), testing::HasSubstr("11.3 degrees"));
  }
}

TEST(DicomStack, UnevenDistancesAreErrorsAndSmallOnesWarnings) {
  EXPECT_ERROR(stack(planes_at({0, 2, 4, 7, 9})), ErrorCode::unsupported);
  const Stack s = stack(planes_at({0, 2, 4.1, 6, 8}));
  EXPECT_EQ(s.warnings.size(), 1U);
  EXPECT_NEAR(s.geometry.spacing_mm[2], 2, 1e-12);
  EXPECT_TRUE(stack(planes_at({0, 2, 4.001, 6, 8})).warnings.empty());
}

TEST(DicomStack, RepeatedPositionsAreFramesInTheirOrder) {
  const Stack s = stack(planes_at({0, 0, 3, 3, 6, 6}));
  EXPECT_THAT(s.frames, ElementsAre(ElementsAre(0, 2, 4), ElementsAre(1, 3, 5)));
  EXPECT_ERROR(stack(planes_at({0, 0, 3, 6, 6})), ErrorCode::bad_input);
}

TEST(DicomStack, WithoutPositionsTheOrderAndThicknessCount) {
  auto planes = planes_at({0, 0, 0});
  for (Plane& p : planes) {
    p.position.reset();
    p.order = -p.order;
    p.thickness = 4;
  }
  const Stack s = stack(planes);
  EXPECT_THAT(s.frames, ElementsAre(ElementsAre(2, 1, 0)));
  EXPECT_EQ(s.geometry.spacing_mm[2], 4);
  EXPECT_EQ(s.warnings.size(), 1U);
}

TEST(DicomStack, ForgedNumbersAreErrors) {
  EXPECT_ERROR(stack({}), ErrorCode::bad_input);
  auto planes = planes_at({0, 2});
  planes[0].along_i = {0, 0, 0};
  EXPECT_THROW(stack(planes), Error);
  planes = planes_at({0, 2});
  planes[1].position = Vec3{0, 0, std::nan("")};
  EXPECT_THROW(stack(planes), Error);
  planes = planes_at({0, 2});
  planes[0].spacing_i = -1;
  EXPECT_THROW(stack(planes), Error);
  EXPECT_THROW(stack(planes_at({0, 1e-2, 2e-2, 1e9}), true), Error);
  EXPECT_THROW(stack(planes_at({0, 1e300})), Error);
}

}  // namespace
}  // namespace sagittal::io
