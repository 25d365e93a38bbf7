#include "io/dicom_seg.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>

#include "expect_error.h"
#include "io/dicom_writer.h"
#include "io/sample_segments.h"
#include "io/seg_nrrd.h"
#include "scratch.h"

namespace sagittal::io {
namespace {

constexpr std::uint64_t kLimit = 1 << 26;

void write(const std::filesystem::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
}

/// An oblique CT series of 9 x 8 pixels and 7 slices, with a patient.
std::filesystem::path write_series(const Scratch& folder, const Geometry& g) {
  for (int k = 0; k < g.size[2]; ++k) {
    SliceWriter slice;
    slice.number = k + 1;
    slice.rows = static_cast<int>(g.size[1]), slice.columns = static_cast<int>(g.size[0]);
    slice.pixels.assign(static_cast<std::size_t>(slice.rows * slice.columns), 40);
    slice.position = index_to_world(g, {0, 0, static_cast<double>(k)});
    const Mat3& m = g.direction;
    slice.orientation = fmt::format("{}\\{}\\{}\\{}\\{}\\{}", m[0][0], m[1][0], m[2][0], m[0][1], m[1][1], m[2][1]);
    slice.spacing = fmt::format("{}\\{}", g.spacing_mm[1], g.spacing_mm[0]);
    slice.more = {
        {DCM_SpecificCharacterSet, "ISO_IR 100"}, {DCM_PatientName, "M\xfcller^Eva"},   {DCM_PatientID, "P7"},
        {DCM_StudyInstanceUID, "1.2.3.4"},        {DCM_FrameOfReferenceUID, "1.2.3.5"}, {DCM_StudyDate, "20260102"}};
    write(folder / fmt::format("{}.dcm", k), slice.bytes());
  }
  return folder.path();
}

Segmentation with_source(const Segmentation& s, Scratch& folder) {
  return placed_on(s, read_dicom_source(write_series(folder, s.geometry), {}));
}

TEST(DicomSeg, KeepsOverlappingSegmentsOnAnObliqueGrid) {
  Scratch folder;
  const Segmentation s = with_source(sample_segmentation(), folder);
  const Bytes file = write_dicom_seg(s);
  ASSERT_TRUE(is_dicom_seg(file, "test"));
  const Segmentation back = read_dicom_seg(file, kLimit, "test");
  expect_same_segments(s, back);
  expect_near(s.geometry, back.geometry, 1e-9);
}

TEST(DicomSeg, RefersToItsSource) {
  Scratch folder;
  const Segmentation back = read_dicom_seg(write_dicom_seg(with_source(sample_segmentation(), folder)), kLimit, "test");
  EXPECT_EQ(back.dicom->attributes.at(0x00100010), "M\xc3\xbcller^Eva");
  EXPECT_EQ(back.dicom->attributes.at(0x0020000D), "1.2.3.4");
  EXPECT_EQ(back.dicom->frame_of_reference, "1.2.3.5");
  ASSERT_EQ(back.dicom->images.size(), 7U);
  for (std::int64_t k = 0; k < 7; ++k) {
    const SourceImage& image = back.dicom->images[static_cast<std::size_t>(k)];
    EXPECT_EQ(image.slice, k < 7 ? k : -1);
    EXPECT_EQ(image.instance_uid, fmt::format("1.2.3.{}", k + 1));
    EXPECT_EQ(image.series_uid, "1.2.3");
    EXPECT_EQ(image.class_uid, UID_CTImageStorage);
  }
}

TEST(DicomSeg, LosesNothingOnTheWayThroughNrrd) {
  Scratch folder;
  Segmentation s = with_source(sample_segmentation(), folder);
  s.dicom->attributes[0x0008103E] = "First reading";
  const Segmentation first = read_dicom_seg(write_dicom_seg(s), kLimit, "test");
  const Segmentation nrrd = read_seg_nrrd(write_seg_nrrd(first), kLimit, "test");
  const Segmentation last = read_dicom_seg(write_dicom_seg(nrrd), kLimit, "test");
  expect_same_segments(first, last);
  expect_near(first.geometry, last.geometry, 1e-12);
  EXPECT_EQ(first.dicom, last.dicom);
  for (std::size_t n = 0; n < first.segments.size(); ++n) EXPECT_EQ(first.segments[n].cielab, last.segments[n].cielab);
}

TEST(DicomSeg, KeepsFractions) {
  for (const auto kind : {SegmentationKind::probability, SegmentationKind::occupancy}) {
    Segmentation s = sample_segmentation();
    s.kind = kind;
    s.max_value = 200;
    s.segments[1].mask.values[9] = 133;
    expect_same_segments(s, read_dicom_seg(write_dicom_seg(s), kLimit, "test"));
  }
}

TEST(DicomSeg, KeepsTheEndsOfTheGridAndEmptySegments) {
  Segmentation s = sample_segmentation();
  s.segments = {box_segment(1, "SPLEEN", {}), box_segment(2, "LIVER", {{2, 2, 3}, {4, 4, 4}})};
  s.segments[0].mask = {};
  const Segmentation back = read_dicom_seg(write_dicom_seg(s), kLimit, "test");
  expect_same_segments(s, back);
  expect_near(s.geometry, back.geometry, 1e-9);
}

TEST(DicomSeg, PutsALeftHandedOrTurnedMaskOnItsSeries) {
  Scratch folder;
  const Segmentation s = sample_segmentation();
  const DicomSource source = read_dicom_source(write_series(folder, s.geometry), {});
  Segmentation turned = s;  // axes k, j, i with k and j reversed
  Geometry& g = turned.geometry;
  g.size = {7, 8, 9};
  g.spacing_mm = {s.geometry.spacing_mm[2], s.geometry.spacing_mm[1], s.geometry.spacing_mm[0]};
  g.origin_mm = index_to_world(s.geometry, {0, 7, 6});
  for (std::size_t r = 0; r < 3; ++r)
    g.direction[r] = {-s.geometry.direction[r][2], -s.geometry.direction[r][1], s.geometry.direction[r][0]};
  for (Segment& segment : turned.segments) {
    const Box from = segment.mask.bounds_ijk;
    const SegmentMask old = segment.mask;
    segment.mask.bounds_ijk = {{7 - from.hi[2], 8 - from.hi[1], from.lo[0]},
                               {7 - from.lo[2], 8 - from.lo[1], from.hi[0]}};
    std::size_t n = 0;
    const Index3 size = segment.mask.bounds_ijk.size();
    for (std::int64_t k = 0; k < from.size()[2]; ++k)
      for (std::int64_t j = 0; j < from.size()[1]; ++j)
        for (std::int64_t i = 0; i < from.size()[0]; ++i)
          segment.mask.values[static_cast<std::size_t>((i * size[1] + size[1] - 1 - j) * size[0] + size[0] - 1 - k)] =
              old.values[n++];
  }
  expect_same_segments(s, placed_on(turned, source));
}

TEST(DicomSeg, PutsAPartOfTheGridInItsPlace) {
  Scratch folder;
  const Segmentation s = sample_segmentation();
  const DicomSource source = read_dicom_source(write_series(folder, s.geometry), {});
  Segmentation part = s;
  part.geometry.origin_mm = index_to_world(s.geometry, {0, 0, 1});
  part.geometry.size[2] = 5;
  part.segments.pop_back();  // it begins at k = 0
  for (Segment& segment : part.segments) --segment.mask.bounds_ijk.lo[2], --segment.mask.bounds_ijk.hi[2];
  Segmentation expected = s;
  expected.segments.pop_back();
  const Segmentation placed = placed_on(part, source);
  expect_same_segments(expected, placed);
  EXPECT_EQ(placed.geometry, source.geometry);
}

TEST(DicomSeg, RefusesAMaskOfAnotherGrid) {
  Scratch folder;
  const Segmentation s = sample_segmentation();
  const DicomSource source = read_dicom_source(write_series(folder, s.geometry), {});
  for (const int what : {0, 1, 2, 3}) {
    Segmentation other = s;
    if (what == 0) other.geometry.origin_mm[0] += 0.1;
    if (what == 1) other.geometry.size[2] = 8;
    if (what == 2) other.geometry.spacing_mm[0] *= 1.01;
    if (what == 3) other.geometry = oblique_geometry(true, {9, 8, 7});
    EXPECT_ERROR(placed_on(other, source), ErrorCode::bad_input);
  }
}

TEST(DicomSeg, ColoursSurviveCielab) {
  for (int red = 0; red < 256; red += 15)
    for (int green = 0; green < 256; green += 15)
      for (int blue = 0; blue < 256; blue += 15) {
        const Rgb colour{static_cast<std::uint8_t>(red), static_cast<std::uint8_t>(green),
                         static_cast<std::uint8_t>(blue)};
        ASSERT_EQ(rgb_of(cielab_of(colour)), colour);
      }
  EXPECT_EQ(cielab_of({255, 255, 255})[0], 65535);
  EXPECT_EQ(rgb_of({43803, 26565, 37722}), (Rgb{128, 174, 128}));  // 3D Slicer's "Tissue" as dcmqi stores it
}

TEST(DicomSeg, ASegmentWithoutCodesIsTissue) {
  Segmentation s = sample_segmentation();
  s.segments[0].codes.reset();
  EXPECT_EQ(read_dicom_seg(write_dicom_seg(s), kLimit, "test").segments[0].codes->type,
            (Code{"85756007", "SCT", "Tissue"}));
}

TEST(DicomSeg, NumbersSegmentsFromOne) {
  Segmentation s = sample_segmentation();
  s.segments[0].number = 5;
  s.segments[1].number = 700;
  const Segmentation back = read_dicom_seg(write_dicom_seg(s), kLimit, "test");
  EXPECT_EQ(back.segments[0].number, 1);
  EXPECT_EQ(back.segments[1].number, 2);
  s.segments.clear();
  EXPECT_ERROR(write_dicom_seg(s), ErrorCode::bad_input);
}

/// The bytes of `file` with one text replaced by another of the same length.
Bytes forged(const Bytes& file, const std::string& from, const std::string& to) {
  std::string text(file.begin(), file.end());
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  EXPECT_EQ(from.size(), to.size());
  text.replace(at, to.size(), to);
  return {text.begin(), text.end()};
}

/// A US element as bytes of an explicit little-endian file.
std::string element(std::uint16_t group, std::uint16_t tag, std::uint16_t value) {
  std::string text;
  for (const std::uint16_t word : {group, tag}) text += {static_cast<char>(word & 255), static_cast<char>(word >> 8)};
  return text + "US" + std::string("\2\0", 2) +
         std::string{static_cast<char>(value & 255), static_cast<char>(value >> 8)};
}

TEST(DicomSeg, RefusesForgedObjects) {
  const Bytes file = write_dicom_seg(sample_segmentation());
  const auto read = [](const Bytes& bytes) { return read_dicom_seg(bytes, kLimit, "test"); };
  EXPECT_ERROR(read(forged(file, "BINARY", "BYNARY")), ErrorCode::unsupported);
  EXPECT_ERROR(read(forged(file, element(0x28, 0x10, 8), element(0x28, 0x10, 65535))), ErrorCode::bad_input);
  EXPECT_ERROR(read(forged(file, element(0x28, 0x11, 9), element(0x28, 0x11, 0))), ErrorCode::bad_input);
  EXPECT_ERROR(read(forged(file, element(0x28, 0x100, 1), element(0x28, 0x100, 16))), ErrorCode::unsupported);
  EXPECT_ERROR(read(forged(file, element(0x62, 0x4, 2), element(0x62, 0x4, 1))), ErrorCode::bad_input);
  EXPECT_ERROR(read(forged(file, element(0x62, 0xB, 2), element(0x62, 0xB, 9))), ErrorCode::bad_input);
  EXPECT_ERROR(read(forged(file, element(0x62, 0xB, 2), element(0x62, 0xB, 1))), ErrorCode::unsupported);
  EXPECT_ERROR(read_dicom_seg(file, 40, "test"), ErrorCode::too_large);
}

TEST(DicomSeg, FramesForgedFarApartTakeNoMemory) {
  Segmentation s;
  s.geometry = {{1000, 1000, 2}, {1, 1, 2000}};
  s.segments = {box_segment(1, "LIVER", {{0, 0, 0}, {1000, 1000, 2}})};
  const std::string distance = std::string("\x18\0\x88\0", 4) + "DS" + std::string("\4\0", 2);
  const Bytes file = forged(write_dicom_seg(s), distance + "2000", distance + "1   ");
  EXPECT_ERROR(read_dicom_seg(file, UINT64_MAX, "test"), ErrorCode::too_large);
}

TEST(DicomSeg, ATruncatedObjectIsAnErrorAtEveryLength) {
  const Bytes file = write_dicom_seg(sample_segmentation());
  for (std::size_t length = 0; length + 1 < file.size(); length += 97) {
    const ByteView part(file.data(), length);
    EXPECT_THROW(read_dicom_seg(part, kLimit, "test"), Error) << length;
  }
}

TEST(DicomSeg, IsToldFromAnImage) {
  EXPECT_FALSE(is_dicom_seg(SliceWriter{}.bytes(), "test"));
  EXPECT_ERROR(read_dicom_seg(SliceWriter{}.bytes(), kLimit, "test"), ErrorCode::unsupported);
}

}  // namespace
}  // namespace sagittal::io
