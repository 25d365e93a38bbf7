#include <gmock/gmock.h>

#include "expect_error.h"
#include "frames.h"
#include "stream/operators/place.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

using test::keep;
using test::Kept;
using test::make;

struct Sweep {
  std::shared_ptr<Kept<Frame>> frames = std::make_shared<Kept<Frame>>();
  std::shared_ptr<Kept<Transform>> poses = std::make_shared<Kept<Transform>>();
};

Sweep sweep(std::uint64_t count, Json parameters = Json::object()) {
  Sweep out;
  parameters["width"] = 120, parameters["height"] = 160, parameters["spacing_mm"] = 0.25;
  Graph graph;
  graph.add("probe", make("phantom"), parameters, {.count = count});
  graph.add("frames", keep(out.frames));
  graph.add("poses", keep(out.poses));
  graph.connect("probe.frame", "frames", {.capacity = 64});
  graph.connect("probe.transform", "poses", {.capacity = 64});
  test::run(std::move(graph));
  return out;
}

double mean(const Frame& frame, std::int64_t column, std::int64_t first_row, std::int64_t last_row) {
  double sum = 0;
  for (std::int64_t row = first_row; row < last_row; ++row) {
    sum += frame.as<std::uint8_t>()[static_cast<std::size_t>(row * frame.width() + column)];
  }
  return sum / static_cast<double>(last_row - first_row);
}

TEST(Phantom, ABoneIsBrightAndCastsAShadow) {
  const Sweep made = sweep(1);
  const Frame& frame = (*made.frames)[0];
  const std::int64_t over_bone = 60 - 20;  // 4.9 mm to the left, where the larger bone lies 14 mm deep
  EXPECT_GT(mean(frame, over_bone, 56, 58), 180);
  EXPECT_LT(mean(frame, over_bone, 70, 160), 15);
  const double tissue = mean(frame, 115, 70, 90);
  EXPECT_GT(tissue, 40);
  EXPECT_LT(tissue, 160);
}

TEST(Phantom, IsTheSameForASeedAndAnotherForAnother) {
  const Sweep one = sweep(3), same = sweep(3), other = sweep(3, {{"seed", 2}});
  EXPECT_EQ(test::values_of<std::uint8_t>((*one.frames)[2]), test::values_of<std::uint8_t>((*same.frames)[2]));
  EXPECT_NE(test::values_of<std::uint8_t>((*one.frames)[2]), test::values_of<std::uint8_t>((*other.frames)[2]));
}

TEST(Phantom, FramesLieWhereTheProbeIs) {
  const Sweep made = sweep(12, {{"sweep_mm", 4}, {"step_mm", 0.5}});
  ASSERT_EQ(made.frames->size(), 12u);
  ASSERT_EQ(made.poses->size(), 12u);
  double nearest = 10, farthest = -10;
  for (std::size_t n = 0; n < 12; ++n) {
    const Transform& pose = (*made.poses)[n];
    EXPECT_EQ(pose.name, "ProbeToReference");
    EXPECT_TRUE(is_rigid(affine_of(pose)));
    const Vec3 first_pixel = affine_of(pose)({-0.25 * 119 / 2, 0, 0});
    for (std::size_t axis = 0; axis < 3; ++axis) {
      EXPECT_NEAR((*made.frames)[n].geometry.origin_mm[axis], first_pixel[axis], 1e-9);
    }
    nearest = std::min(nearest, pose.translation_mm[2]), farthest = std::max(farthest, pose.translation_mm[2]);
  }
  EXPECT_NEAR(nearest, -2, 1e-9);
  EXPECT_NEAR(farthest, 2, 1e-9);
  EXPECT_EQ(made.frames->envelope(4).sequence, 5u);
  EXPECT_NEAR(static_cast<double>(made.frames->envelope(11).acquired - made.frames->envelope(0).acquired),
              11 / 20.0 * 1e9, 1e7)
      << "in the time that a device would take";
}

TEST(EchoSurface, FindsTheBoneOfThePhantomOnly) {
  const Sweep made = sweep(1);
  const auto labels = std::make_shared<Kept<Frame>>();
  Graph graph;
  graph.add("frames", test::give(test::numbered(std::vector<Frame>{(*made.frames)[0]})));
  graph.add("surface", make("echo_surface"));
  graph.add("labels", make("segmentation"), {{"network_output_type", "foreground"}, {"threshold", 0.5}});
  graph.add("keep", keep(labels));
  graph.connect("frames", "surface");
  graph.connect("surface", "labels");
  graph.connect("labels", "keep");
  test::run(std::move(graph));
  const Frame& found = (*labels)[0];
  const auto pixels = found.as<std::uint8_t>();
  int bone = 0, elsewhere = 0;
  for (std::size_t p = 0; p < pixels.size(); ++p) {
    const std::size_t row = p / 120;
    (row >= 48 && row < 110 ? bone : elsewhere) += pixels[p];
  }
  EXPECT_GT(bone, 100);
  EXPECT_LT(elsewhere, 5);
}

TEST(EchoSurface, RefusesColour) {
  const Frame coloured = test::frame<std::uint8_t>(2, 2, std::vector<std::uint8_t>(12), 3);
  EXPECT_ERROR(test::through<Tensor>("echo_surface", Json::object(), std::vector<Frame>{coloured}),
               ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::stream
