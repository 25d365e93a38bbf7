#include "interact/raster.h"

#include <cmath>
#include <map>

#include <gtest/gtest.h>

namespace sagittal::interact {
namespace {

TEST(Raster, RoundsTiesToEven) {
  const std::map<double, std::int64_t> expected{{-2.5, -2}, {-1.5, -2}, {-0.5, 0}, {0.5, 0},  {1.5, 2},
                                                {2.5, 2},   {2.51, 3},  {2.49, 2}, {-0.6, -1}};
  for (const auto& [value, rounded] : expected) EXPECT_EQ(round_half_even(value), rounded) << value;
}

TEST(Raster, APointIsABallThatFadesToItsRim) {
  const PointKernel kernel(4);
  ASSERT_EQ(kernel.values().size(), 729u);
  EXPECT_EQ(std::count_if(kernel.values().begin(), kernel.values().end(), [](double v) { return v > 0; }), 257);
  // squared distance to the rim, by sorted absolute offset from the centre
  const std::map<std::array<int, 3>, int> rim{{{0, 0, 0}, 17}, {{1, 0, 0}, 10}, {{1, 1, 0}, 8}, {{1, 1, 1}, 6},
                                              {{2, 0, 0}, 5},  {{2, 1, 0}, 4},  {{2, 1, 1}, 3}, {{2, 2, 0}, 2},
                                              {{2, 2, 1}, 2},  {{3, 0, 0}, 2},  {{2, 2, 2}, 1}, {{3, 1, 0}, 1},
                                              {{3, 1, 1}, 1},  {{3, 2, 0}, 1},  {{3, 2, 1}, 1}, {{4, 0, 0}, 1}};
  for (int n = 0; n < 729; ++n) {
    std::array<int, 3> offset{std::abs(n / 81 - 4), std::abs(n / 9 % 9 - 4), std::abs(n % 9 - 4)};
    std::sort(offset.begin(), offset.end(), std::greater<>());
    const auto found = rim.find(offset);
    const double expected = found == rim.end() ? 0 : std::sqrt(found->second / 17.0);
    EXPECT_NEAR(kernel.values()[static_cast<std::size_t>(n)], expected, 1e-12);
  }
}

TEST(Raster, TheFirstClickIsDrawnStrongerThanOne) {
  const PointKernel kernel(4);
  const Index3 centre{10, 10, 10};
  const std::vector<Half> drawn = kernel.crop(centre, kernel.box_around(centre), 1 / 0.98);
  EXPECT_EQ(drawn[364], 0x3c15);
}

TEST(Raster, APointIsCutAtTheImagesEdge) {
  const PointKernel kernel(4);
  const Index3 centre{0, 5, 5};
  const Box part = intersect(kernel.box_around(centre), whole({20, 20, 20}));
  EXPECT_EQ(part, (Box{{0, 1, 1}, {5, 10, 10}}));
  EXPECT_EQ(kernel.crop(centre, part, 1.0)[4 * 9 + 4], kHalfOne);
}

TEST(Raster, ZoomShowsAThirdOfAPatchAroundTheObject) {
  const Index3 patch{192, 192, 192};
  EXPECT_EQ(zoom_for({128, 128, 128}, patch), 1);
  EXPECT_EQ(zoom_for({129, 1, 1}, patch), 193.0 / 192);
  EXPECT_EQ(zoom_for({1, 320, 1}, patch), 2);
  EXPECT_EQ(zoom_for({1, 1, 30}, {64, 64, 20}), 36.0 / 20);
}

TEST(Raster, TheFocusIsTheCentreRoundedHalfToEven) {
  EXPECT_EQ(focus_on({{0, 1, 2}, {5, 4, 5}}, {64, 64, 64}).centre, (Index3{2, 2, 4}));
}

TEST(Raster, BoxesAreRoundedAndClipped) {
  const Index3 shape{10, 10, 10};
  EXPECT_EQ(drawn_box({0.5, 1.5, 2.5}, {3.5, 4.5, 5.5}, shape), (Box{{0, 2, 2}, {4, 4, 6}}));
  EXPECT_EQ(drawn_box({-5, 3, 8}, {2, 30, 9}, shape), (Box{{0, 3, 8}, {2, 10, 9}}));
  EXPECT_EQ(drawn_box({0, 0, 0.1}, {2, 2, 0.4}, shape), (Box{{0, 0, 0}, {2, 2, 1}})) << "at least one voxel";
  EXPECT_EQ(drawn_box({0, 0, 4.1}, {2, 2, 4.4}, shape), (Box{{0, 0, 3}, {2, 2, 4}}));
  EXPECT_EQ(drawn_box({0, 0, 9.6}, {2, 2, 10.6}, shape), (Box{{0, 0, 9}, {2, 2, 10}}));
  EXPECT_TRUE(drawn_box({0, 0, 10}, {2, 2, 11}, shape).empty());
  EXPECT_TRUE(drawn_box({0, 0, -3}, {2, 2, 0}, shape).empty());
}

TEST(Raster, FindsWhatIsPainted) {
  const Box bounds{{4, 5, 6}, {7, 8, 9}};
  std::vector<std::uint8_t> mask(27);
  EXPECT_FALSE(painted_box(bounds, mask));
  mask[1 * 9 + 0 * 3 + 2] = 1;
  mask[2 * 9 + 1 * 3 + 1] = 7;
  EXPECT_EQ(painted_box(bounds, mask), (Box{{5, 5, 7}, {7, 7, 9}}));
}

}  // namespace
}  // namespace sagittal::interact
