#include "hub/jobs/segments.h"

#include <gtest/gtest.h>

#include "io/segmentation.h"

namespace sagittal::hub {
namespace {

io::Segmentation two_organs() {
  io::Segmentation segmentation;
  segmentation.geometry.size = {4, 4, 4};
  segmentation.geometry.spacing_mm = {1, 2, 5};
  io::Segment liver;
  io::name_segment(liver, "LIVER");
  liver.mask = {{{0, 0, 0}, {2, 1, 1}}, {1, 1}};
  io::Segment other;
  other.number = 7;
  other.name = "a thing";
  segmentation.segments = {liver, other};
  return segmentation;
}

TEST(OutputSegments, HaveTheirTermAndVolume) {
  const auto segments = output_segments(two_organs());
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(segments[0].id, "LIVER");
  EXPECT_EQ(segments[0].codes->type.value, "10200004");
  EXPECT_DOUBLE_EQ(segments[0].volume_ml, 0.02);
  EXPECT_EQ(segments[1].number, 7);
  EXPECT_EQ(segments[1].id, "");
  EXPECT_EQ(segments[1].volume_ml, 0);
}

TEST(OutputSegments, FractionsCountInPart) {
  io::Segmentation segmentation = two_organs();
  segmentation.kind = io::SegmentationKind::probability;
  segmentation.max_value = 4;
  EXPECT_DOUBLE_EQ(output_segments(segmentation)[0].volume_ml, 0.005);
}

TEST(OutputSegments, LeftAndRightWithEqualCodesAreToldByTheirNames) {
  io::Segmentation segmentation = two_organs();
  io::name_segment(segmentation.segments[0], "LEFT_HIP");
  io::name_segment(segmentation.segments[1], "RIGHT_HIP");
  const auto segments = output_segments(segmentation);
  EXPECT_EQ(segments[0].id, "LEFT_HIP");
  EXPECT_EQ(segments[1].id, "RIGHT_HIP");
}

}  // namespace
}  // namespace sagittal::hub
