#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "expect_error.h"
#include "frames.h"
#include "io/sequence.h"
#include "stream/operators/place.h"

namespace sagittal::stream {
namespace {

using test::frame;
using test::give;
using test::keep;
using test::Kept;
using test::make;
using test::numbered;
using test::through;
using ::testing::ElementsAre;
using U8 = std::vector<std::uint8_t>;

const Json kHalfPixels = {{"ImageToProbe", {0.5, 0, 0, 1, 0, 0.5, 0, 2, 0, 0, 0.5, 3, 0, 0, 0, 1}}};

Transform shifted(const std::string& name, double x, bool valid = true) {
  return transform_of(name, {{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {x, 0, 0}}, valid);
}

TEST(Place, IsTheSameInBothDirections) {
  const Affine image{{{{0, -0.4, 0}, {0.3, 0, 0}, {0, 0, 1}}}, {1, 2, 3}};
  const Geometry grid = placed({.size = {4, 3, 1}}, image);
  EXPECT_DOUBLE_EQ(grid.spacing_mm[0], 0.3);
  EXPECT_EQ(grid.origin_mm, (Vec3{1, 2, 3}));
  const Affine back = image_to_world(grid);
  for (std::size_t row = 0; row < 3; ++row)
    EXPECT_THAT(back.matrix[row], ::testing::Pointwise(::testing::DoubleNear(1e-12), image.matrix[row]));
  const Affine skewed{{{{1, 1, 0}, {0, 1, 0}, {0, 0, 1}}}, {0, 0, 0}};
  EXPECT_ERROR(placed({.size = {4, 3, 1}}, skewed), ErrorCode::bad_input);
}

/// Frames at 10, 20, … ms and poses of the probe: as many millimetres to the left as milliseconds.
std::shared_ptr<Kept<Frame>> paired(const std::vector<std::pair<int, bool>>& poses, Json parameters, int frames) {
  const auto kept = std::make_shared<Kept<Frame>>();
  std::vector<std::pair<Transform, Envelope>> transforms;
  for (const auto& [ms, valid] : poses) {
    transforms.push_back({shifted("ProbeToReference", ms, valid), {"ProbeToReference", ms * std::int64_t{1'000'000}}});
  }
  parameters["calibration"] = kHalfPixels;
  Graph graph;
  graph.add("frames",
            give(numbered(std::vector<Frame>(static_cast<std::size_t>(frames), frame<std::uint8_t>(2, 2, U8(4))))));
  graph.add("poses", give(std::move(transforms)));
  graph.add("pair", make("pose_pair"), parameters);
  graph.add("sink", keep(kept));
  graph.connect("frames", "pair.frame");
  graph.connect("poses", "pair.transform");
  graph.connect("pair", "sink");
  const Outcome outcome = test::run(std::move(graph));
  if (outcome.error) throw *outcome.error;
  return kept;
}

TEST(PosePair, PlacesFramesBetweenThePosesBeforeAndAfter) {
  const auto out = paired({{5, true}, {15, true}, {25, true}}, {}, 2);
  ASSERT_EQ(out->size(), 2u);
  const Geometry& grid = (*out)[0].geometry;
  EXPECT_EQ(grid.spacing_mm, (Vec3{0.5, 0.5, 1}));
  EXPECT_NEAR(grid.origin_mm[0], 10 - 1, 1e-6) << "the calibration is in RAS";
  EXPECT_NEAR(grid.origin_mm[1], -2, 1e-9);
  EXPECT_NEAR((*out)[1].geometry.origin_mm[0], 20 - 1, 1e-6);
  EXPECT_EQ(*out->envelope(0).metadata.find("ImageToReferenceStatus"), "OK");
}

TEST(PosePair, DropsOrPassesFramesWithoutAPose) {
  const std::vector<std::pair<int, bool>> poses{{5, true}, {15, false}, {25, true}, {35, true}};
  EXPECT_EQ(paired(poses, {}, 3)->size(), 1u) << "only the third has valid poses on both sides";
  const auto passed = paired(poses, {{"without_pose", "pass"}}, 3);
  ASSERT_EQ(passed->size(), 3u);
  EXPECT_EQ(*passed->envelope(0).metadata.find("ImageToReferenceStatus"), "INVALID");
  EXPECT_EQ((*passed)[0].geometry.spacing_mm, (Vec3{1, 1, 1}));
}

TEST(PosePair, WaitsNoLongerThanAllowed) {
  const auto out = paired({}, {{"without_pose", "pass"}, {"wait_ms", 50}}, 9);
  EXPECT_EQ(out->size(), 3u) << "nobody says where they are";
}

TEST(PosePair, RefusesBadCalibrations) {
  for (const Json& bad : {Json(5), Json{{"ImageToProbe", {1, 2, 3}}}, Json{{"Image", Json::array()}}}) {
    Graph graph;
    graph.add("frames", give(numbered<Frame>({frame<std::uint8_t>(1, 1, {0})})));
    graph.add("pair", make("pose_pair"), {{"calibration", bad}});
    graph.connect("frames", "pair.frame");
    EXPECT_ERROR(PipelineRun(std::move(graph), {}), ErrorCode::bad_input);
  }
}

TEST(CoordinateSystem, FindsTransformsAlongTheWay) {
  const auto out = through<Transform>(
      "coordinate_system", {{"transforms", {"StylusToReference"}}},
      std::vector<Transform>{shifted("StylusToTracker", 5), shifted("ReferenceToTracker", 2), shifted("Stylus", 1)});
  ASSERT_EQ(out->size(), 1u);
  EXPECT_EQ((*out)[0].name, "StylusToReference");
  EXPECT_EQ((*out)[0].translation_mm, (Vec3{3, 0, 0}));
}

std::filesystem::path recording(int frames) {
  const auto path = std::filesystem::path(::testing::TempDir()) / fmt::format("tracked_{}.igs.mha", getpid());
  std::vector<Frame> pictures;
  for (int n = 0; n < frames; ++n) {
    Frame one = frame<std::uint8_t>(4, 3, U8(12, static_cast<std::uint8_t>(n + 1)));
    one.geometry.spacing_mm = {0.5, 0.25, 1};
    one.geometry.origin_mm = {1, 2, 3.0 + n};
    pictures.push_back(one);
  }
  Graph graph;
  graph.add("source", give(numbered(pictures, "Image", 100)));
  graph.add("writer", make("sequence_writer"), {{"file", path.string()}, {"transform", "ImageToReference"}});
  graph.connect("source", "writer.frame");
  const Outcome outcome = test::run(std::move(graph));
  if (outcome.error) throw *outcome.error;
  return path;
}

std::shared_ptr<Kept<Frame>> played(Json parameters) {
  const auto kept = std::make_shared<Kept<Frame>>();
  parameters["file"] = recording(3).string();
  Graph graph;
  graph.add("file", make("sequence_file"), parameters);
  graph.add("sink", keep(kept));
  graph.connect("file.frame", "sink");
  const Outcome outcome = test::run(std::move(graph));
  if (outcome.error) throw *outcome.error;
  return kept;
}

TEST(SequenceFiles, ComeBackWithPlaceAndTime) {
  const auto out = played({{"transform", "ImageToReference"}});
  ASSERT_EQ(out->size(), 3u);
  EXPECT_EQ(test::values_of<std::uint8_t>((*out)[2]), U8(12, 3));
  const Geometry& grid = (*out)[2].geometry;
  EXPECT_NEAR(grid.spacing_mm[1], 0.25, 1e-9);
  EXPECT_THAT(grid.origin_mm, ElementsAre(::testing::DoubleNear(1, 1e-9), ::testing::DoubleNear(2, 1e-9),
                                          ::testing::DoubleNear(5, 1e-9)));
  EXPECT_EQ(out->envelope(2).acquired - out->envelope(0).acquired, 200'000'000);
  EXPECT_EQ(out->envelope(2).sequence, 3u);
}

TEST(SequenceFiles, SayTheirTransforms) {
  const auto kept = std::make_shared<Kept<Transform>>();
  Graph graph;
  graph.add("file", make("sequence_file"), {{"file", recording(2).string()}, {"realtime", false}});
  graph.add("sink", keep(kept));
  graph.connect("file.transform", "sink");
  EXPECT_EQ(test::run(std::move(graph)).ending, Ending::finished);
  ASSERT_EQ(kept->size(), 2u);
  EXPECT_EQ((*kept)[1].name, "ImageToReference");
  EXPECT_EQ((*kept)[1].translation_mm, (Vec3{1, 2, 4}));
}

TEST(SequenceFiles, FramesWithoutTheTransformAreDroppedOrPassed) {
  EXPECT_EQ(played({{"transform", "ImageToWorld"}, {"without_pose", "drop"}})->size(), 0u);
  EXPECT_EQ(played({{"transform", "ImageToWorld"}})->size(), 3u);
  EXPECT_ERROR(played({{"transform", "nonsense"}}), ErrorCode::bad_input);
}

TEST(Reconstruct, MakesAVolumeOfPlacedFrames) {
  std::vector<Frame> slices;
  for (int k = 0; k < 4; ++k) {
    Frame slice = frame<std::uint8_t>(3, 2, U8(6, static_cast<std::uint8_t>(10 * (k + 1))));
    slice.geometry.origin_mm = {0, 0, static_cast<double>(k)};
    slices.push_back(slice);
  }
  const auto out = through("reconstruct", {{"spacing_mm", 1}, {"collect", 4}, {"every", 4}}, slices);
  ASSERT_EQ(out->size(), 1u);
  EXPECT_EQ((*out)[0].geometry.size, (Index3{2, 1, 3})) << "as Plus lays its grids";
  EXPECT_EQ((*out)[0].as<std::uint8_t>()[2 * 2], 30);
  EXPECT_EQ(out->envelope(0).device, "Volume");
  const auto bounded =
      through("reconstruct", {{"spacing_mm", 1}, {"bounds_mm", {0, 2, 0, 1, 1, 2}}, {"every", 4}}, slices);
  EXPECT_EQ((*bounded)[0].geometry.size, (Index3{3, 2, 2}));
  EXPECT_EQ((*bounded)[0].as<std::uint8_t>()[0], 20);
  EXPECT_ERROR(through("reconstruct", {{"bounds_mm", {0, 0, 0, 1, 1, 2}}}, slices), ErrorCode::bad_input);
}

TEST(ScanConvert, TakesAFanToColumnsAndBack) {
  const Json fan = {{"curvilinear_image_size", {41, 31}},
                    {"center_coordinate_pixel", {-10, 20}},
                    {"angle_min_degrees", -20},
                    {"angle_max_degrees", 20},
                    {"radius_start_pixel", 15},
                    {"radius_end_pixel", 35},
                    {"num_lines", 16},
                    {"num_samples_along_lines", 24}};
  Json back = fan;
  back["to"] = "curvilinear";
  const auto linear = through("scan_convert", fan, {frame<std::uint8_t>(41, 31, U8(41 * 31, 90))});
  EXPECT_EQ((*linear)[0].geometry.size, (Index3{16, 24, 1}));
  EXPECT_EQ(test::values_of<std::uint8_t>((*linear)[0]), U8(16 * 24, 90));
  const auto again = through("scan_convert", back, {(*linear)[0]});
  EXPECT_EQ((*again)[0].as<std::uint8_t>()[15 * 41 + 20], 90);
  EXPECT_EQ((*again)[0].as<std::uint8_t>()[0], 0) << "outside the fan";
  EXPECT_ERROR(through("scan_convert", {}, {frame<std::uint8_t>(1, 1, {0})}), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::stream
