#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "expect_error.h"
#include "frames.h"
#include "stream/operators/convert.h"
#include "stream/operators/picture.h"

namespace sagittal::stream {
namespace {

using test::frame;
using test::through;
using test::values_of;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;
using U8 = std::vector<std::uint8_t>;

TEST(Resize, AveragesThePixelsThatBecomeOne) {
  const auto out = through("resize", {{"width", 2}, {"height", 1}, {"filter", "area"}},
                           {frame<std::uint8_t>(4, 2, {0, 2, 10, 20, 4, 6, 30, 41})});
  EXPECT_EQ(values_of<std::uint8_t>((*out)[0]), U8({3, 25}));
  EXPECT_EQ(out->envelope(0).sequence, 1u) << "the envelope goes on";
}

TEST(Resize, AreaWeighsPixelsThatAreCut) {
  const auto out = through("resize", {{"width", 2}, {"filter", "area"}}, {frame<float>(3, 1, {3, 6, 9})});
  EXPECT_THAT(values_of<float>((*out)[0]), ElementsAre(FloatNear(4, 1e-5F), FloatNear(8, 1e-5F)));
}

TEST(Resize, IsBilinearBetweenPixels) {
  const auto out = through("resize", {{"width", 4}, {"height", 1}}, {frame<float>(2, 1, {0, 8})});
  EXPECT_THAT(values_of<float>((*out)[0]), ElementsAre(0, 2, 6, 8));
}

TEST(Resize, TakesTheNearestAndKeepsColoursTogether) {
  const auto out = through("resize", {{"width", 1}, {"height", 2}, {"filter", "nearest"}},
                           {frame<std::uint8_t>(2, 2, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 3)});
  EXPECT_EQ(values_of<std::uint8_t>((*out)[0]), U8({4, 5, 6, 10, 11, 12}));
}

TEST(Resize, LeavesThePictureWhereItIs) {
  Frame slanted = frame<std::uint8_t>(4, 2, U8(8));
  slanted.geometry.spacing_mm = {0.5, 2, 1};
  slanted.geometry.origin_mm = {10, 20, 30};
  slanted.geometry.direction = {{{0, -1, 0}, {1, 0, 0}, {0, 0, 1}}};
  const auto out = through("resize", {{"width", 8}}, {slanted});
  const Geometry& grid = (*out)[0].geometry;
  EXPECT_EQ(grid.size, (Index3{8, 4, 1})) << "the height follows";
  const auto corner = [](const Geometry& of, double i, double j) { return index_to_world(of, {i, j, 0}); };
  EXPECT_THAT(corner(grid, -0.5, -0.5), Pointwise(::testing::DoubleEq(), corner(slanted.geometry, -0.5, -0.5)));
  EXPECT_THAT(corner(grid, 7.5, 3.5), Pointwise(::testing::DoubleEq(), corner(slanted.geometry, 3.5, 1.5)));
}

TEST(Resize, FollowsFramesThatChangeTheirSize) {
  const auto out = through("resize", {{"width", 2}, {"height", 2}},
                           {frame<std::uint8_t>(4, 4, U8(16, 7)), frame<std::uint8_t>(1, 3, U8(3, 9)),
                            frame<std::uint8_t>(2, 2, {1, 2, 3, 4})});
  EXPECT_EQ(values_of<std::uint8_t>((*out)[0]), U8(4, 7));
  EXPECT_EQ(values_of<std::uint8_t>((*out)[1]), U8(4, 9));
  EXPECT_EQ(values_of<std::uint8_t>((*out)[2]), U8({1, 2, 3, 4}));
}

TEST(Crop, KeepsThePlaceInSpace) {
  Frame whole = frame<std::int16_t>(3, 3, {0, 1, 2, 3, 4, 5, 6, 7, 8});
  whole.geometry.spacing_mm = {2, 3, 1};
  const auto out = through("crop", {{"x", 1}, {"y", 1}, {"height", 1}}, {whole});
  EXPECT_THAT(values_of<std::int16_t>((*out)[0]), ElementsAre(4, 5));
  EXPECT_EQ((*out)[0].geometry.origin_mm, (Vec3{2, 3, 0}));
}

TEST(Crop, RefusesWhatLiesOutside) {
  const std::vector<Frame> small{frame<std::uint8_t>(2, 2, U8(4))};
  for (const Json& bad : {Json{{"x", 2}}, Json{{"y", 5}}, Json{{"width", 3}}, Json{{"x", 1}, {"width", 2}}}) {
    EXPECT_ERROR(through("crop", bad, small), ErrorCode::bad_input);
  }
}

TEST(Flip, MirrorsThePictureOrTheMemory) {
  const std::vector<Frame> two{frame<std::uint8_t>(2, 2, {1, 2, 3, 4})};
  const auto rows = through("flip", {}, two);
  EXPECT_EQ(values_of<std::uint8_t>((*rows)[0]), U8({3, 4, 1, 2}));
  EXPECT_EQ((*rows)[0].geometry, two[0].geometry);
  const auto kept = through("flip", {{"horizontally", true}, {"vertically", false}, {"keep_place", true}}, two);
  EXPECT_EQ(values_of<std::uint8_t>((*kept)[0]), U8({2, 1, 4, 3}));
  EXPECT_EQ(index_to_world((*kept)[0].geometry, {0, 0, 0}), (Vec3{1, 0, 0})) << "the 2 is where it was";
}

TEST(Channels, MakesGreyOfColoursAndColoursOfGrey) {
  const Frame colours = frame<std::uint8_t>(2, 1, {255, 0, 0, 10, 20, 30}, 3);
  EXPECT_EQ(values_of<std::uint8_t>((*through("channels", {{"to", "grey"}}, {colours}))[0]), U8({76, 18}));
  EXPECT_EQ(values_of<std::uint8_t>((*through("channels", {{"to", "bgra"}}, {colours}))[0]),
            U8({0, 0, 255, 255, 30, 20, 10, 255}));
  EXPECT_EQ(values_of<std::uint8_t>((*through("channels", {{"to", "grey"}, {"from", "bgr"}}, {colours}))[0]),
            U8({29, 22}));
  const auto grey = through("channels", {{"to", "rgb"}}, {frame<std::uint8_t>(2, 1, {4, 5})});
  EXPECT_EQ(values_of<std::uint8_t>((*grey)[0]), U8({4, 4, 4, 5, 5, 5}));
  const auto swapped = through("channels", {{"out_channel_order", {2, 1, 0}}}, {colours});
  EXPECT_EQ(values_of<std::uint8_t>((*swapped)[0]), U8({0, 0, 255, 30, 20, 10}));
}

TEST(Channels, RefuseComponentsThatAreNotThere) {
  const std::vector<Frame> two{frame<std::uint8_t>(1, 1, {1, 2}, 2)};
  EXPECT_ERROR(through("channels", {{"to", "grey"}}, two), ErrorCode::bad_input);
  EXPECT_ERROR(through("channels", {{"to", "grey"}, {"from", "rgb"}}, two), ErrorCode::bad_input);
  for (const std::int64_t bad : {std::int64_t{2}, std::int64_t{-2}, std::int64_t{1} << 40}) {
    EXPECT_ERROR(through("channels", {{"out_channel_order", {0, bad}}}, two), ErrorCode::bad_input);
  }
}

TEST(Normalise, ScalesDividesAndClips) {
  const auto scaled =
      through("normalise", {{"scale_min", -1}, {"scale_max", 1}}, {frame<std::uint8_t>(2, 1, {0, 255})});
  EXPECT_THAT(values_of<float>((*scaled)[0]), ElementsAre(-1, 1));
  const auto divided = through("normalise", {{"divide_by_maximum", true}},
                               {frame<std::uint8_t>(2, 1, {50, 200}), frame<std::uint8_t>(2, 1, {0, 0})});
  EXPECT_THAT(values_of<float>((*divided)[0]), ElementsAre(0.25F, 1));
  EXPECT_THAT(values_of<float>((*divided)[1]), ElementsAre(0, 0)) << "a black frame stays black";
  const auto window =
      through("normalise", {{"out_dtype", "uint8"}, {"from", {-100, 100}}, {"scale_min", 0}, {"scale_max", 255}},
              {frame<std::int16_t>(3, 1, {-1000, 0, 1000})});
  EXPECT_EQ(values_of<std::uint8_t>((*window)[0]), U8({0, 128, 255}));
  EXPECT_ERROR(through("normalise", {{"from", {1}}, {"scale_max", 1}}, {frame<float>(1, 1, {0})}),
               ErrorCode::bad_input);
  EXPECT_ERROR(through("normalise", {{"from", {1, 1}}, {"scale_max", 1}}, {frame<float>(1, 1, {0})}),
               ErrorCode::bad_input);
}

TEST(Normalise, RoundsToIntegersWithinTheirRange) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), huge = std::numeric_limits<float>::infinity();
  const std::vector<Frame> odd{frame<float>(7, 1, {-1.5F, -0.6F, 0.49F, 0.5F, 254.6F, nan, huge})};
  EXPECT_EQ(values_of<std::uint8_t>((*through("normalise", {{"out_dtype", "uint8"}}, odd))[0]),
            U8({0, 0, 0, 1, 255, 0, 255}));
  EXPECT_THAT(values_of<std::int16_t>((*through("normalise", {{"out_dtype", "int16"}}, odd))[0]),
              ElementsAre(-1, -1, 0, 1, 255, 0, 32767));
  const auto exact =
      through("normalise", {{"out_dtype", "int32"}}, {frame<std::uint32_t>(2, 1, {16'777'217, 4'000'000'000})});
  EXPECT_THAT(values_of<std::int32_t>((*exact)[0]), ElementsAre(16'777'217, 2'147'483'647));
}

}  // namespace
}  // namespace sagittal::stream
