#include <gmock/gmock.h>

#include "expect_error.h"
#include "frames.h"
#include "segment/predict.h"
#include "stream/operators/image_parts.h"
#include "stream/operators/volume_frames.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

using test::frame;
using test::values_of;
using U8 = std::vector<std::uint8_t>;

template <class T>
Frame volume(const Index3& size, const std::vector<T>& values) {
  Frame made = frame<T>(size[0] * size[1] * size[2], 1, values);
  made.geometry.size = size;
  made.geometry.spacing_mm = {1, 1, 2};
  return made;
}

TEST(Threshold, LabelsVolumesOfEveryType) {
  const Frame ct = volume<std::int16_t>({2, 1, 3}, {-1000, 249, 250, 300, 301, 20});
  const auto kept =
      test::through("threshold", {{"low", 250}, {"high", 300}, {"label", 7}, {"name", "bone"}}, std::vector<Frame>{ct});
  EXPECT_EQ(values_of<std::uint8_t>((*kept)[0]), (U8{0, 0, 7, 7, 0, 0}));
  EXPECT_EQ((*kept)[0].geometry, ct.geometry);
  EXPECT_EQ(*kept->envelope(0).metadata.find("Labels"), R"({"7":"bone"})");
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto real =
      test::through("threshold", {{"low", 0}, {"high", 1}}, std::vector<Frame>{frame<float>(2, 1, {nan, 0.5f})});
  EXPECT_EQ(values_of<std::uint8_t>((*real)[0]), (U8{0, 1})) << "NaN belongs nowhere";
  EXPECT_ERROR(test::through("threshold", {}, std::vector<Frame>{frame<std::uint8_t>(1, 1, {1, 2, 3}, 3)}),
               ErrorCode::bad_input);
}

TEST(Volumes, PartsAreFoundAcrossPlanes) {
  // two voxels above each other are larger than one beside
  const Frame labels = volume<std::uint8_t>({3, 1, 2}, {1, 0, 1, 1, 0, 0});
  const auto kept = test::through("largest_component", {}, std::vector<Frame>{labels});
  EXPECT_EQ(values_of<std::uint8_t>((*kept)[0]), (U8{1, 0, 0, 1, 0, 0}));
}

TEST(Volumes, AreInvertedVoxelByVoxel) {
  const auto kept = test::through("normalise", {{"out_dtype", "uint8"}, {"scale_min", 255}, {"scale_max", 0}},
                                  std::vector<Frame>{volume<std::uint8_t>({1, 1, 3}, {0, 55, 255})});
  EXPECT_EQ(values_of<std::uint8_t>((*kept)[0]), (U8{255, 200, 0}));
}

TEST(Volumes, OutlinesLieInTheirPlanes) {
  const auto kept =
      test::through<Polylines>("contours", {}, std::vector<Frame>{volume<std::uint8_t>({1, 1, 2}, {0, 1})});
  ASSERT_EQ((*kept)[0].lines.size(), 1u);
  EXPECT_NEAR((*kept)[0].lines[0].points_mm[0][2], 2, 1e-9);
}

TEST(Volumes, DetectionsAreBallsOfTheSameVolume) {
  const auto kept =
      test::through<Points>("detections", {}, std::vector<Frame>{volume<std::uint8_t>({1, 1, 2}, {0, 1})}, "points");
  ASSERT_EQ((*kept)[0].points.size(), 1u);
  EXPECT_NEAR((*kept)[0].points[0].diameter_mm, 1.563, 1e-3);  // 2 mm3
}

TEST(Volumes, WhatTakesPicturesRefusesThem) {
  const std::vector<Frame> one{volume<std::uint8_t>({1, 1, 2}, {0, 1})};
  EXPECT_ERROR(test::through("reconstruct", {}, one), ErrorCode::bad_input);
  const Json fan{{"curvilinear_image_size", {8, 8}}, {"center_coordinate_pixel", {0, 4}}};
  EXPECT_ERROR(test::through("scan_convert", fan, one), ErrorCode::bad_input);
}

ImagePart part_of(const Index3& whole, const Index3& offset, const Index3& size, U8 values) {
  Frame image{{.size = whole}, 1, ScalarType::u8, {}};
  return {image, offset, size, SharedBytes(std::move(values))};
}

TEST(ImageParts, AreAnImageOnceAllHasCome) {
  ImageParts parts;
  EXPECT_FALSE(parts.add("a", part_of({2, 1, 2}, {0, 0, 0}, {2, 1, 1}, {1, 2})));
  EXPECT_FALSE(parts.add("a", part_of({2, 1, 2}, {0, 0, 0}, {2, 1, 1}, {3, 4}))) << "the same again";
  EXPECT_FALSE(parts.add("b", part_of({2, 1, 2}, {0, 0, 1}, {2, 1, 1}, {9, 9}))) << "of another name";
  EXPECT_FALSE(parts.add("a", part_of({2, 1, 2}, {1, 0, 1}, {1, 1, 1}, {6})));
  const auto whole = parts.add("a", part_of({2, 1, 2}, {0, 0, 1}, {1, 1, 1}, {5}));
  ASSERT_TRUE(whole);
  EXPECT_EQ(values_of<std::uint8_t>(*whole), (U8{3, 4, 5, 6}));
  EXPECT_FALSE(parts.add("a", part_of({2, 1, 2}, {0, 0, 0}, {2, 1, 1}, {1, 2}))) << "the next begins anew";
  EXPECT_EQ(parts.counters().parts, 6u);
  EXPECT_EQ(parts.counters().images, 1u);
}

TEST(ImageParts, BringAWholeImageAnew) {
  ImageParts parts;
  const Frame first = frame<std::uint8_t>(2, 2, {1, 2, 3, 4});
  parts.whole("a", first);
  const auto second = parts.add("a", part_of({2, 2, 1}, {1, 0, 0}, {1, 2, 1}, {8, 9}));
  ASSERT_TRUE(second);
  EXPECT_EQ(values_of<std::uint8_t>(*second), (U8{1, 8, 3, 9}));
  EXPECT_EQ(values_of<std::uint8_t>(first), (U8{1, 2, 3, 4})) << "who has the first still sees it";
  const auto third = parts.add("a", part_of({2, 2, 1}, {0, 0, 0}, {1, 1, 1}, {7}));
  EXPECT_EQ(values_of<std::uint8_t>(*third), (U8{7, 8, 3, 9}));
}

TEST(ImageParts, LiesAreRefusedBeforeMemoryIsTaken) {
  ImageParts parts;
  EXPECT_ERROR(parts.add("a", part_of({2, 2, 1}, {1, 0, 0}, {2, 1, 1}, {1, 2})), ErrorCode::bad_input);
  EXPECT_ERROR(parts.add("a", part_of({2, 2, 1}, {0, 0, 0}, {2, 1, 1}, {1})), ErrorCode::bad_input);
  EXPECT_ERROR(parts.add("a", part_of({2, 2, 1}, {-1, 0, 0}, {1, 1, 1}, {1})), ErrorCode::bad_input);
  EXPECT_ERROR(parts.add("a", part_of({65535, 65535, 65535}, {0, 0, 0}, {1, 1, 1}, {1})), ErrorCode::too_large);
  EXPECT_EQ(parts.counters().parts, 0u);
}

TEST(ImageParts, ForgetTheOldest) {
  ImageParts parts;
  for (std::size_t n = 0; n <= ImageParts::kMaxImages; ++n) {
    parts.add(std::to_string(n), part_of({2, 1, 1}, {0, 0, 0}, {1, 1, 1}, {1}));
  }
  EXPECT_EQ(parts.counters().abandoned, 1u);
  EXPECT_FALSE(parts.add("0", part_of({2, 1, 1}, {1, 0, 0}, {1, 1, 1}, {2})));
  EXPECT_TRUE(parts.add("5", part_of({2, 1, 1}, {1, 0, 0}, {1, 1, 1}, {2})));
}

const std::filesystem::path kModel = std::filesystem::path(SAGITTAL_SOURCE_DIR) / "tests/parity/nnunet/2d";

/// Bright discs on a dark ground, as the model's scans look.
Frame picture_of_discs(std::int64_t planes) {
  Frame made{{.size = {52, 44, planes}, .spacing_mm = {1.2, 1.2, 6}, .origin_mm = {3, 4, 5}}, 1, ScalarType::i16, {}};
  Bytes bytes(made.bytes_needed());
  auto* to = reinterpret_cast<std::int16_t*>(bytes.data());
  for (std::int64_t n = 0; n < made.geometry.voxel_count(); ++n) {
    const std::int64_t i = n % 52, j = n / 52 % 44;
    const auto inside = [&](std::int64_t x, std::int64_t y) { return (i - x) * (i - x) + (j - y) * (j - y) < 90; };
    to[n] = static_cast<std::int16_t>(inside(16, 16) ? 110 + n % 13 : inside(36, 28) ? 210 + n % 17 : n % 37 - 18 + j);
  }
  made.pixels = SharedBytes(std::move(bytes));
  return made;
}

TEST(NnUnet, LabelsAsPredictDoesAndNamesThem) {
  ThreadPool pool(2);
  segment::LoadOptions options;
  options.threads = 2;
  options.precision = nn::cpu::Precision::fp32;
  const auto model = segment::load_model(kModel, options);
  for (const std::int64_t planes : {1, 3}) {
    const Frame picture = picture_of_discs(planes);
    const Volume expected = segment::predict(*model, volumes_of(picture), {.mirror = false}, pool);
    const auto kept = test::through(
        "nnunet", {{"model", kModel.string()}, {"precision", "fp32"}, {"threads", 2}, {"device", "Labels"}},
        std::vector<Frame>{picture});
    const Frame& labels = (*kept)[0];
    EXPECT_EQ(labels.geometry, picture.geometry);
    const auto found = values_of<std::uint8_t>(labels);
    EXPECT_TRUE(std::ranges::equal(found, expected.as<std::uint8_t>()));
    EXPECT_GT(std::count(found.begin(), found.end(), 1), 50)
        << "test_volume_pipelines.py compares all classes with nnunetv2";
    EXPECT_EQ(kept->envelope(0).device, "Labels");
    EXPECT_EQ(kept->envelope(0).sequence, 1u);
    const Json names = Json::parse(*kept->envelope(0).metadata.find("Labels"));
    EXPECT_EQ(names.at("2"), model->folder.dataset.name_of(2));
  }
}

TEST(NnUnet, RefusesWhatTheModelDoesNotTake) {
  const Json parameters{{"model", kModel.string()}};
  EXPECT_ERROR(test::through("nnunet", parameters, std::vector<Frame>{frame<std::uint8_t>(1, 1, {1, 2, 3}, 3)}),
               ErrorCode::bad_input);
  EXPECT_ERROR(test::through("nnunet", {{"model", "/nowhere"}}, std::vector<Frame>{picture_of_discs(1)}),
               ErrorCode::not_found);
}

}  // namespace
}  // namespace sagittal::stream
