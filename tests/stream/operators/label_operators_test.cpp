#include <gmock/gmock.h>

#include <cmath>

#include "expect_error.h"
#include "frames.h"
#include "networks.h"
#include "stream/operators/labels.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

using test::frame;
using test::give;
using test::keep;
using test::Kept;
using test::make;
using test::numbered;
using test::through;
using test::values_of;
using test::write_network;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using U8 = std::vector<std::uint8_t>;

Tensor tensor(std::vector<std::int64_t> shape, const std::vector<float>& values, std::int64_t width,
              std::int64_t height) {
  const Frame bytes = frame<float>(static_cast<std::int64_t>(values.size()), 1, values);
  return {"y", std::move(shape), bytes.pixels, {.size = {width, height, 1}}};
}

U8 labels_of(const Json& parameters, const Tensor& numbers) {
  return values_of<std::uint8_t>((*through("segmentation", parameters, std::vector<Tensor>{numbers}))[0]);
}

TEST(Segmentation, TakesTheLargestOrWhatReachesTheThreshold) {
  const Tensor numbers = tensor({1, 3, 3}, {.5F, .3F, .2F, .4F, .35F, .25F, .1F, .3F, .6F}, 3, 1);
  EXPECT_EQ(labels_of({}, numbers), U8({0, 0, 2}));
  EXPECT_EQ(labels_of({{"network_output_type", "foreground"}, {"threshold", 0.33}}, numbers), U8({0, 1, 2}));
  EXPECT_EQ(labels_of({{"network_output_type", "sigmoid"}, {"threshold", 0.45}}, numbers), U8({1, 0, 3}));
}

TEST(Segmentation, ReadsChannelsBeforePixels) {
  const Tensor numbers = tensor({1, 2, 1, 3}, {.9F, .2F, .4F, .1F, .8F, .6F}, 3, 1);
  EXPECT_EQ(labels_of({{"data_format", "nchw"}}, numbers), U8({0, 1, 1}));
}

TEST(Segmentation, LiesOnTheGridOfItsFrame) {
  Tensor numbers = tensor({2, 2, 2}, {1, 0, 0, 1, 1, 0, 0, 1}, 4, 2);
  numbers.geometry.spacing_mm = {0.3, 0.4, 2};
  numbers.geometry.origin_mm = {1, 2, 3};
  const auto out = through("segmentation", {{"device", "Bone"}}, std::vector<Tensor>{numbers});
  EXPECT_EQ((*out)[0].geometry, numbers.geometry);
  EXPECT_EQ(values_of<std::uint8_t>((*out)[0]), U8({0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_EQ(out->envelope(0).device, "Bone");
  EXPECT_EQ(out->envelope(0).acquired, 10'000'000);
}

TEST(Segmentation, RefusesShapesOfNoPicture) {
  for (const auto& shape : std::vector<std::vector<std::int64_t>>{
           {8}, {2, 1, 2, 2}, {0, 2, 2}, {2, 2, 3}, {-2, -2, 2}, {1, 1, 1, 2, 4}, {4294967296, 4294967296, 8}}) {
    EXPECT_ERROR(labels_of({}, tensor(shape, std::vector<float>(8), 2, 2)), ErrorCode::bad_input);
  }
  EXPECT_ERROR(labels_of({{"network_output_type", "foreground"}}, tensor({2, 2, 1}, {0, 0, 0, 0}, 2, 2)),
               ErrorCode::bad_input);
}

TEST(LargestComponent, KeepsOnePartOfEachLabel) {
  const std::vector<Frame> labels{frame<std::uint8_t>(5, 3,
                                                      {1, 0, 1, 1, 0,  //
                                                       0, 0, 0, 0, 1,  //
                                                       2, 0, 2, 2, 0})};
  EXPECT_EQ(values_of<std::uint8_t>((*through("largest_component", {}, labels))[0]),
            U8({0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 2, 2, 0}));
  EXPECT_EQ(values_of<std::uint8_t>((*through("largest_component", {{"min_pixels", 3}}, labels))[0]),
            U8({0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}));
  EXPECT_ERROR(through("largest_component", {}, {frame<float>(1, 1, {0})}), ErrorCode::bad_input);
}

/// Twice the area that a closed line goes round, in the plane of x and y.
double twice_area(const Polylines::Line& line) {
  double sum = 0;
  for (std::size_t n = 0; n < line.points_mm.size(); ++n) {
    const Vec3 &a = line.points_mm[n], &b = line.points_mm[(n + 1) % line.points_mm.size()];
    sum += a[0] * b[1] - b[0] * a[1];
  }
  return sum;
}

TEST(Contours, GoRoundPartsAndHoles) {
  U8 ring(7 * 7, 0);
  for (std::size_t j = 1; j < 6; ++j) {
    for (std::size_t i = 1; i < 6; ++i) ring[j * 7 + i] = i >= 3 && i < 4 && j >= 3 && j < 4 ? 0 : 1;
  }
  const auto out = through<Polylines>("contours", {}, {frame<std::uint8_t>(7, 7, ring)});
  const auto& lines = (*out)[0].lines;
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(lines[0].closed);
  EXPECT_DOUBLE_EQ(twice_area(lines[0]), 2 * (25 - 4 * 0.125));
  EXPECT_DOUBLE_EQ(twice_area(lines[1]), -2 * 0.5) << "the hole the other way round";
}

TEST(Contours, TouchingCornersAreTwoParts) {
  Frame two = frame<std::uint8_t>(2, 2, {3, 0, 0, 3});
  two.geometry.origin_mm = {10, 0, 5};
  const auto lines = contours(two, 3);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].label, 3);
  EXPECT_EQ(lines[0].points_mm[0][2], 5);
  EXPECT_GE(lines[0].points_mm[0][0], 9.5);
  EXPECT_TRUE(contours(two, 1).empty());
}

TEST(Detections, SayWhereEachPartIs) {
  Frame labels = frame<std::uint8_t>(4, 2, {1, 1, 0, 2, 1, 1, 0, 0});
  labels.geometry.spacing_mm = {2, 2, 1};
  const Json parameters{{"labels", {"bone"}}, {"device", "Found"}};
  const auto points = through<Points>("detections", parameters, {labels}, "points");
  ASSERT_EQ((*points)[0].points.size(), 2u);
  EXPECT_EQ((*points)[0].points[0].name, "bone");
  EXPECT_EQ((*points)[0].points[0].position_mm, (Vec3{1, 1, 0}));
  EXPECT_NEAR((*points)[0].points[0].diameter_mm, 2 * std::sqrt(16 / 3.14159265), 1e-6);
  EXPECT_EQ((*points)[0].points[1].name, "label 2");
  const auto text = through<Text>("detections", parameters, {labels}, "text");
  EXPECT_THAT((*text)[0].text, HasSubstr(R"("name":"bone","pixels":4)"));
  EXPECT_EQ((*through<Points>("detections", {{"min_pixels", 2}}, {labels}, "points"))[0].points.size(), 1u);
}

TEST(Overlay, ColoursTheFrameThatTheLabelsCameFrom) {
  const auto kept = std::make_shared<Kept<Frame>>();
  auto labels = numbered<Frame>({frame<std::uint8_t>(2, 1, {0, 1}), frame<std::uint8_t>(2, 1, {2, 0})});
  labels[0].second.sequence = 2, labels[0].second.acquired = 20'000'000;
  labels[1].second.sequence = 9;  // of no frame
  Graph graph;
  graph.add("frames",
            give(numbered<Frame>({frame<std::uint8_t>(2, 1, {7, 7}), frame<std::uint8_t>(2, 1, {100, 200})})));
  graph.add("labels", give(std::move(labels)));
  graph.add("overlay", make("overlay"), {{"colours", {"#ff0000"}}, {"opacity", 0.5}});
  graph.add("sink", keep(kept));
  graph.connect("frames", "overlay.frame");
  graph.connect("labels", "overlay.labels");
  graph.connect("overlay", "sink");
  EXPECT_EQ(test::run(std::move(graph)).ending, Ending::finished);
  ASSERT_EQ(kept->size(), 1u);
  EXPECT_EQ(values_of<std::uint8_t>((*kept)[0]), U8({100, 100, 100, 228, 100, 100}));
}

TEST(Overlay, RefusesColoursThatAreNone) {
  for (const char* bad : {"red", "#ff00", "#gg0000", "#+f0000"}) {
    Graph graph;
    graph.add("source", give(numbered<Frame>({frame<std::uint8_t>(1, 1, {0})})));
    graph.add("overlay", make("overlay"), {{"colours", {bad}}});
    graph.connect("source", "overlay.frame");
    graph.connect("source", "overlay.labels");
    EXPECT_ERROR(PipelineRun(std::move(graph), {}), ErrorCode::bad_input);
  }
}

TEST(Network, PreparesFramesAsItsFileSays) {
  Frame picture = frame<std::uint8_t>(2, 2, {50, 100, 200, 0});
  picture.geometry.origin_mm = {5, 6, 7};
  for (const bool flips : {false, true}) {
    const Json parameters{{"model", write_network("one", true, flips).string()}};
    const auto tensors = through<Tensor>("network", parameters, std::vector<Frame>{picture});
    EXPECT_THAT((*tensors)[0].shape, ElementsAre(2, 2, 2));
    EXPECT_EQ((*tensors)[0].geometry, picture.geometry);
    const auto values = (*tensors)[0].floats();
    EXPECT_THAT(std::vector<float>(values.begin(), values.end()), ElementsAre(.75F, .25F, .5F, .5F, 0, 1, 1, 0))
        << "flipped back";
    const auto image = through("network", parameters, std::vector<Frame>{picture}, "image");
    EXPECT_EQ(values_of<std::uint8_t>((*image)[0]), U8({64, 128, 255, 0}));
  }
}

TEST(Network, RunsOneOfKFramesAndHoldsItsResult) {
  const std::string model = write_network("one", false, false).string();
  const std::vector<Frame> frames(5, frame<std::uint8_t>(2, 2, {1, 2, 3, 4}));
  EXPECT_EQ(through<Tensor>("network", {{"model", model}, {"every", 2}}, frames)->size(), 3u);
  const auto held = through<Tensor>("network", {{"model", model}, {"every", 2}, {"hold", true}}, frames);
  ASSERT_EQ(held->size(), 5u);
  EXPECT_EQ(held->envelope(3).sequence, 4u);
  EXPECT_EQ(held->all[2].value, held->all[3].value) << "the same tensor";
  EXPECT_EQ(through<Tensor>("network", {{"model", model}, {"active", false}}, frames)->size(), 0u);
}

TEST(Network, IsOneOfAFolderOfSeveral) {
  write_network("alpha", false, false);
  const auto folder = write_network("beta", true, false).parent_path();
  const std::vector<Frame> frames{frame<std::uint8_t>(2, 2, {0, 0, 0, 9})};
  const auto first = [&](const char* use) {
    return (*through<Tensor>("network", {{"model", folder.string()}, {"use", use}}, frames))[0].floats()[0];
  };
  EXPECT_EQ(first("alpha"), 0);
  EXPECT_EQ(first("beta"), 1);
  EXPECT_ERROR(first("../beta"), ErrorCode::not_found);
  EXPECT_ERROR(through<Tensor>("network", {{"model", "/nowhere"}}, frames), ErrorCode::not_found);
  EXPECT_ERROR(through<Tensor>("network", {{"model", (folder / "beta").string()}, {"output", "z"}}, frames),
               ErrorCode::not_found);
}

TEST(Network, SaysWhichComponentsItWants) {
  const std::string model = write_network("one", false, false).string();
  EXPECT_ERROR(through<Tensor>("network", {{"model", model}}, {frame<std::uint8_t>(1, 1, {1, 2, 3}, 3)}),
               ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::stream
