#include "volume/reconstruct.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "expect_error.h"

namespace sagittal {
namespace {

using Pixels = std::vector<std::uint8_t>;
using Values = std::vector<float>;

Geometry grid(const Index3& size, double spacing = 1) {
  Geometry geometry;
  geometry.size = size;
  geometry.spacing_mm = {spacing, spacing, spacing};
  return geometry;
}

Affine shift(double x, double y, double z) { return {{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {x, y, z}}; }

ImageView<const std::uint8_t> frame_of(const Pixels& pixels, std::int64_t width) {
  return {pixels.data(), width, static_cast<std::int64_t>(pixels.size()) / width, 1};
}

Values pasted(const Reconstruction& reconstruction, std::optional<HoleFilling> holes = {}) {
  ThreadPool pool(2);
  const Volume volume = reconstruction.snapshot(ScalarType::f32, holes, pool);
  const auto values = volume.as<float>();
  return {values.begin(), values.end()};
}

TEST(Reconstruction, PixelsGoWhereTheirPoseSays) {
  Reconstruction volume(grid({3, 3, 2}), {.compounding = Compounding::latest, .linear = false});
  // x of the frame runs along j, y along -i, in the plane k = 1
  const Affine pose{{{{0, -1, 0}, {1, 0, 0}, {0, 0, 1}}}, {2, 0, 1}};
  volume.add(frame_of({1, 2, 3, 4, 5, 6}, 3), pose);
  EXPECT_EQ(pasted(volume), (Values{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 5, 2, 0, 6, 3}));
  EXPECT_EQ(volume.frames(), 1);
  EXPECT_DOUBLE_EQ(volume.coverage(), 6.0 / 18);
}

TEST(Reconstruction, SpacingOriginAndDirectionCount) {
  Geometry geometry = grid({2, 2, 1}, 0.5);
  geometry.origin_mm = {10, 20, 30};
  geometry.direction = {{{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
  Reconstruction volume(geometry, {.compounding = Compounding::latest, .linear = false});
  volume.add(frame_of({7}, 1), shift(9.5, 20.5, 30));
  EXPECT_EQ(pasted(volume), (Values{0, 0, 0, 7}));
}

TEST(Reconstruction, EachWayOfCompounding) {
  const auto of = [](Compounding compounding) {
    Reconstruction volume(grid({1, 1, 1}), {.compounding = compounding, .linear = false, .importance = {3}});
    for (const std::uint8_t value : Pixels{10, 40, 20}) volume.add(frame_of({value}, 1), shift(0, 0, 0));
    return pasted(volume)[0];
  };
  EXPECT_EQ(of(Compounding::latest), 20);
  EXPECT_EQ(of(Compounding::maximum), 40);
  EXPECT_FLOAT_EQ(of(Compounding::mean), 70.0F / 3);
  EXPECT_FLOAT_EQ(of(Compounding::importance), 70.0F / 3);
}

TEST(Reconstruction, ImportanceWeighsAndZeroLeavesOut) {
  Reconstruction volume(grid({2, 1, 1}),
                        {.compounding = Compounding::importance, .linear = false, .importance = {1, 3, 0}});
  volume.add(frame_of({100, 0, 50}, 3), shift(0, 0, 0));  // 100 at voxel 0, weight 1; 0 at voxel 1, weight 3
  volume.add(frame_of({0, 20, 50}, 3), shift(-1, 0, 0));  // 20 at voxel 0, weight 3; the 50 counts nothing
  EXPECT_EQ(pasted(volume), (Values{(100 + 3 * 20) / 4.0F, 0}));
}

TEST(Reconstruction, LinearPixelsAreSharedByTheVoxelsAround) {
  Reconstruction volume(grid({2, 2, 2}), {});
  volume.add(frame_of({80}, 1), shift(0.25, 0.5, 0));
  volume.add(frame_of({40}, 1), shift(0, 0, 0));
  // voxel 000: 80 with weight 0.375, 40 with weight 1
  const Values found = pasted(volume);
  EXPECT_FLOAT_EQ(found[0], (0.375F * 80 + 40) / 1.375F);
  EXPECT_FLOAT_EQ(found[1], 80);
  EXPECT_FLOAT_EQ(found[2], 80);
  EXPECT_FLOAT_EQ(found[3], 80);
  EXPECT_EQ(found[4], 0);
}

TEST(Reconstruction, LinearPixelsAtTheBorderKeepTheirPartInside) {
  Reconstruction volume(grid({2, 1, 1}), {});
  volume.add(frame_of({60}, 1), shift(-0.5, 0, 0));
  volume.add(frame_of({30}, 1), shift(1.75, 0, 0));
  EXPECT_EQ(pasted(volume), (Values{60, 30}));
}

TEST(Reconstruction, WhatIsOutsideTheClipOrBelowTheLimitIsNotPasted) {
  Reconstruction clipped(grid({3, 2, 1}), {.compounding = Compounding::latest, .linear = false, .clip = {1, 0, 2, 1}});
  clipped.add(frame_of({1, 2, 3, 4, 5, 6}, 3), shift(0, 0, 0));
  EXPECT_EQ(pasted(clipped), (Values{0, 2, 3, 0, 0, 0}));
  Reconstruction limited(grid({3, 1, 1}), {.compounding = Compounding::mean, .linear = false, .reject_below = 2.0F});
  limited.add(frame_of({1, 2, 3}, 3), shift(0, 0, 0));
  EXPECT_EQ(pasted(limited), (Values{0, 2, 3}));
}

TEST(Reconstruction, FramesFarAwayDoNoHarm) {
  Reconstruction volume(grid({2, 2, 2}), {});
  for (const double far : {-1e6, -100.0, 100.0, 1e6}) volume.add(frame_of({9, 9}, 2), shift(far, far, far));
  EXPECT_EQ(volume.coverage(), 0);
  volume.add(frame_of({9}, 1), shift(0, 0, 0));
  volume.clear();
  EXPECT_EQ(volume.coverage(), 0);
  EXPECT_EQ(volume.frames(), 0);
}

TEST(Reconstruction, FloatsMayBePastedToo) {
  Reconstruction volume(grid({2, 1, 1}), {.linear = false});
  const Values frame{-0.5F, std::numeric_limits<float>::quiet_NaN()};
  volume.add(ImageView<const float>{frame.data(), 2, 1, 1}, shift(0, 0, 0));
  EXPECT_EQ(pasted(volume), (Values{-0.5F, 0}));
}

TEST(Reconstruction, BytesAreRoundedAndCut) {
  Reconstruction volume(grid({4, 1, 1}), {.linear = false});
  const Values frame{1.4F, 1.5F, 300, -7};
  volume.add(ImageView<const float>{frame.data(), 4, 1, 1}, shift(0, 0, 0));
  ThreadPool pool(1);
  const Volume bytes = volume.snapshot(ScalarType::u8, {}, pool);
  const auto values = bytes.as<std::uint8_t>();
  EXPECT_EQ((Pixels{values.begin(), values.end()}), (Pixels{1, 2, 255, 0}));
}

TEST(HoleFilling, AHoleIsFilledAlongTheShortestLineThroughIt) {
  Reconstruction volume(grid({5, 3, 1}), {.linear = false});
  volume.add(frame_of({10}, 1), shift(0, 1, 0));  // the row 10 . . . 50
  volume.add(frame_of({50}, 1), shift(4, 1, 0));
  const Values row = pasted(volume, HoleFilling{});
  EXPECT_EQ((Values{row.begin() + 5, row.begin() + 10}), (Values{10, 20, 30, 40, 50}));
  EXPECT_EQ(row[2], 0) << "no line through it ends in pixels both ways";
  volume.add(frame_of({7}, 1), shift(2, 0, 0));  // a shorter line crosses the hole in the middle
  volume.add(frame_of({9}, 1), shift(2, 2, 0));
  EXPECT_EQ(pasted(volume, HoleFilling{})[7], 8);
  EXPECT_FLOAT_EQ(pasted(volume, HoleFilling{9, 2})[7], (8.0F / 2 + 30.0F / 4) / (1.0F / 2 + 1.0F / 4));
}

TEST(HoleFilling, LongHolesStay) {
  Reconstruction volume(grid({6, 1, 1}), {.linear = false});
  volume.add(frame_of({10}, 1), shift(0, 0, 0));
  volume.add(frame_of({50}, 1), shift(5, 0, 0));
  EXPECT_EQ(pasted(volume, HoleFilling{4, 1}), (Values{10, 0, 0, 0, 0, 50}));
  EXPECT_EQ(pasted(volume, HoleFilling{5, 1}), (Values{10, 18, 26, 34, 42, 50}));
  ThreadPool pool(1);
  EXPECT_ERROR(volume.snapshot(ScalarType::f32, HoleFilling{1, 1}, pool), ErrorCode::bad_input);
  EXPECT_ERROR(volume.snapshot(ScalarType::f32, HoleFilling{9, 0}, pool), ErrorCode::bad_input);
}

TEST(ReconstructionBounds, HoldAllFrames) {
  const std::vector<Affine> poses{shift(1, 2, 3), shift(-4, 2, 5.5)};
  const Geometry geometry = bounds_of(poses, 11, 21, {}, {1, 2, 0.5});
  EXPECT_EQ(geometry.origin_mm, (Vec3{-4, 2, 3}));
  EXPECT_EQ(geometry.size, (Index3{15, 10, 5}));
  EXPECT_EQ(bounds_of(poses, 11, 21, {2, 5, 3, 4}, {1, 1, 1}).origin_mm, (Vec3{-2, 7, 3}));
}

TEST(Reconstruction, NonsenseIsRefused) {
  const std::vector<Affine> poses{shift(0, 0, 0)}, far{shift(0, 0, 0), shift(9e5, 9e5, 9e5)};
  EXPECT_ERROR(bounds_of({}, 4, 4, {}, {1, 1, 1}), ErrorCode::bad_input);
  EXPECT_ERROR(bounds_of(poses, 4, 4, {0, 0, 5, 1}, {1, 1, 1}), ErrorCode::bad_input);
  EXPECT_ERROR(bounds_of(poses, 4, 4, {-1, 0, 2, 2}, {1, 1, 1}), ErrorCode::bad_input);
  EXPECT_ERROR(bounds_of(poses, 4, 4, {4, 0, 0, 0}, {1, 1, 1}), ErrorCode::bad_input);
  EXPECT_ERROR(bounds_of(poses, 4, 4, {}, {1, 0, 1}), ErrorCode::bad_input);
  EXPECT_ERROR(bounds_of(poses, 4, 4, {}, {1, std::nan(""), 1}), ErrorCode::bad_input);
  EXPECT_ERROR(bounds_of(far, 4, 4, {}, {1e-3, 1, 1}), ErrorCode::too_large);
  EXPECT_ERROR(bounds_of(far, 4, 4, {}, {1, 1, 1}), ErrorCode::too_large);
  EXPECT_ERROR(bounds_of(std::vector<Affine>{shift(INFINITY, 0, 0)}, 4, 4, {}, {1, 1, 1}), ErrorCode::bad_input);
  EXPECT_ERROR(Reconstruction(grid({2000, 2000, 2000}), {}), ErrorCode::too_large);
  EXPECT_ERROR(Reconstruction(grid({2, 2, 2}, 1e-9), {}), ErrorCode::bad_input);
  Geometry away = grid({2, 2, 2});
  away.origin_mm[1] = -1e300;
  EXPECT_ERROR(Reconstruction(away, {}), ErrorCode::bad_input);
  EXPECT_ERROR(Reconstruction(grid({2, 2, 2}), {.compounding = Compounding::importance}), ErrorCode::bad_input);
  EXPECT_ERROR(Reconstruction(grid({2, 2, 2}), {.importance = {-1}}), ErrorCode::bad_input);
  Reconstruction volume(grid({2, 2, 2}), {.compounding = Compounding::importance, .importance = {1, 1}});
  EXPECT_ERROR(volume.add(frame_of({1}, 1), shift(0, 0, 0)), ErrorCode::bad_input);
  EXPECT_ERROR(volume.add(frame_of({1, 2}, 2), shift(std::nan(""), 0, 0)), ErrorCode::bad_input);
  const Pixels colour{1, 2, 3};
  EXPECT_ERROR(volume.add(ImageView<const std::uint8_t>{colour.data(), 1, 1, 3}, shift(0, 0, 0)), ErrorCode::bad_input);
  ThreadPool pool(1);
  EXPECT_ERROR(volume.snapshot(ScalarType::i16, {}, pool), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal
