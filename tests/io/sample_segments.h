#pragma once
#include "io/sample_volumes.h"
#include "io/segmentation.h"

namespace sagittal::io {

/// A box of voxels as one segment.
inline Segment box_segment(std::int64_t number, const std::string& name, const Box& box, std::uint8_t value = 1) {
  Segment segment;
  segment.number = number;
  segment.colour = default_colour(number);
  name_segment(segment, name);
  segment.algorithm_type = AlgorithmType::semiautomatic;
  segment.algorithm_name = "Sagittal";
  segment.mask = {box, std::vector<std::uint8_t>(static_cast<std::size_t>(box.volume()), value)};
  return segment;
}

/// Two overlapping segments and one in another place, on an oblique grid of [9, 8, 7].
inline Segmentation sample_segmentation(bool left_handed = false) {
  Segmentation s;
  s.geometry = oblique_geometry(left_handed, {9, 8, 7});
  s.segments = {box_segment(1, "LIVER", {{1, 1, 1}, {5, 6, 4}}),
                box_segment(2, "LIVER+NEOPLASM", {{3, 2, 2}, {8, 4, 6}}),
                box_segment(3, "Mein \xc3\xa4\xc3\xb6 | ~ ^ Fund", {{0, 7, 0}, {2, 8, 1}})};
  s.segments[0].mask.values[3] = 0;
  s.segments[1].description = "seen twice";
  s.segments[1].tracking_id = "T1";
  s.segments[1].tracking_uid = "2.25.77";
  s.segments[2].algorithm_type = AlgorithmType::manual;
  s.segments[2].algorithm_name = "";
  const Code tissue{"85756007", "SCT", "Tissue"};
  s.segments[2].codes = Terminology{tissue, tissue};
  return s;
}

inline void expect_same_segments(const Segmentation& a, const Segmentation& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.max_value, b.max_value);
  ASSERT_EQ(a.segments.size(), b.segments.size());
  for (std::size_t n = 0; n < a.segments.size(); ++n) {
    const Segment &x = a.segments[n], &y = b.segments[n];
    EXPECT_EQ(x.number, y.number);
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.description, y.description);
    EXPECT_EQ(x.colour, y.colour) << x.name;
    EXPECT_EQ(x.codes, y.codes) << x.name;
    EXPECT_EQ(x.algorithm_type, y.algorithm_type);
    EXPECT_EQ(x.algorithm_name, y.algorithm_name);
    EXPECT_EQ(x.tracking_id, y.tracking_id);
    EXPECT_EQ(x.tracking_uid, y.tracking_uid);
    EXPECT_EQ(x.mask.bounds_ijk, y.mask.bounds_ijk) << x.name;
    EXPECT_EQ(x.mask.values, y.mask.values) << x.name;
  }
}

}  // namespace sagittal::io
