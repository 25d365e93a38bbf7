#include "io/segmentation.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/sample_segments.h"
#include "io/segmentation_json.h"

namespace sagittal::io {
namespace {

Volume float_labels(float odd) {
  const std::vector<float> voxels{0, 1, 5, odd};
  return make_volume<float>(Geometry{{2, 2, 1}}, std::span<const float>(voxels));
}

TEST(Segmentation, LabelsBecomeSegmentsAndBack) {
  const Segmentation s = segments_of_labels(float_labels(5));
  ASSERT_EQ(s.segments.size(), 2U);
  EXPECT_EQ(s.segments[1].number, 5);
  EXPECT_EQ(s.segments[1].name, "Segment 5");
  EXPECT_EQ(s.segments[1].mask.bounds_ijk, (Box{{0, 1, 0}, {2, 2, 1}}));
  const Volume labels = labels_of(s);
  EXPECT_EQ(std::vector<std::uint8_t>({0, 1, 5, 5}),
            std::vector<std::uint8_t>(labels.as<std::uint8_t>().begin(), labels.as<std::uint8_t>().end()));
}

TEST(Segmentation, LabelsAreWholeNumbersOf16Bits) {
  for (const float odd : {-1.0F, 0.5F, 65536.0F, NAN})
    EXPECT_ERROR(segments_of_labels(float_labels(odd)), ErrorCode::bad_input);
  const Segmentation s = segments_of_labels(float_labels(65535));
  EXPECT_EQ(name_of(labels_of(s).type()), "uint16");
}

TEST(Segmentation, OverlapsAndFractionsAreNoLabels) {
  Segmentation s = sample_segmentation();
  EXPECT_ERROR(labels_of(s), ErrorCode::unsupported);
  s.segments.erase(s.segments.begin());
  EXPECT_NO_THROW(labels_of(s));
  s.kind = SegmentationKind::occupancy;
  EXPECT_ERROR(labels_of(s), ErrorCode::unsupported);
}

TEST(Segmentation, MasksAreCroppedAndPasted) {
  const Index3 size{4, 3, 2};
  std::vector<std::uint8_t> voxels(24);
  voxels[5] = 9, voxels[18] = 1;
  const SegmentMask mask = crop_mask(voxels, size);
  EXPECT_EQ(mask.bounds_ijk, (Box{{1, 1, 0}, {3, 2, 2}}));
  std::vector<std::uint8_t> back(24, 3);
  paste_mask(mask, size, back);
  EXPECT_EQ(voxels, back);
  EXPECT_TRUE(crop_mask(std::vector<std::uint8_t>(24), size).values.empty());
}

TEST(Segmentation, ATermGivesNameCodeAndColour) {
  Segment segment;
  EXPECT_TRUE(name_segment(segment, "kidney_left"));
  EXPECT_EQ(segment.name, "Left kidney");
  EXPECT_EQ(segment.codes->type.value, "64033007");
  EXPECT_FALSE(name_segment(segment, "Something else"));
  EXPECT_EQ(segment.name, "Something else");
}

TEST(Segmentation, JsonKeepsAllButVoxels) {
  Segmentation s = sample_segmentation();
  s.dicom = DicomContext{{{0x00100010, "A^B"}}, "1.2", {{"1", "2", "3", 4, 5}}};
  Segmentation back = s;
  for (Segment& segment : back.segments) segment = {segment.number, "x", {}, {}, {}, {}, {}, {}, {}, {}, segment.mask};
  back.segments.pop_back();
  apply_segments_json(segments_to_json(s), back, "test");
  EXPECT_TRUE(back.segments.back().mask.values.empty());
  back.segments.back().mask = s.segments.back().mask;
  expect_same_segments(s, back);
  EXPECT_EQ(back.dicom, s.dicom);
}

TEST(Segmentation, ForgedJsonIsBadInput) {
  for (const char* text :
       {"", "[]", "{}", R"({"segments":[{"number":0,"name":"a","rgb":[1,2,3]}]})",
        R"({"segments":[{"number":1,"name":2,"rgb":[1,2,3]}]})", R"({"segments":[{"number":1,"name":"a","rgb":[1]}]})",
        R"({"segments":[{"number":1,"name":"a","rgb":[1,2,3],"codes":3}]})",
        R"({"segments":[],"dicom":{"frame_of_reference":"1","attributes":{"zz":"a"},"images":[]}})",
        R"({"segments":[],"dicom":{"frame_of_reference":"1","attributes":{},"images":[[1]]}})"}) {
    Segmentation s = sample_segmentation();
    EXPECT_ERROR(apply_segments_json(text, s, "test"), ErrorCode::bad_input);
  }
}

TEST(Segmentation, ForgedMasksAreRefused) {
  Segmentation s = sample_segmentation();
  EXPECT_NO_THROW(check_segmentation(s, "test"));
  s.segments[1].number = 1;
  EXPECT_ERROR(check_segmentation(s, "test"), ErrorCode::bad_input);
  s = sample_segmentation();
  s.segments[0].mask.bounds_ijk.lo[0] -= 2;
  EXPECT_ERROR(check_segmentation(s, "test"), ErrorCode::bad_input);
  s = sample_segmentation();
  s.segments[0].mask.values[0] = 2;
  EXPECT_ERROR(check_segmentation(s, "test"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::io
