#include "volume/resample.h"

#include <cmath>

#include <gtest/gtest.h>

namespace sagittal {
namespace {

TEST(Resample, NearestTakesTheLowerNeighbour) {
  EXPECT_EQ(nearest_sources(6, 4), (std::vector<std::int64_t>{0, 1, 3, 4}));
  EXPECT_EQ(nearest_sources(3, 6), (std::vector<std::int64_t>{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(nearest_sources(5, 5), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
}

TEST(Resample, LinearAlignsTheEdgesOfVoxels) {
  const auto larger = linear_taps(2, 4);  // sources -0.25 (cut to 0), 0.25, 0.75, 1.25
  EXPECT_EQ(larger[0].weight0, 1);
  EXPECT_EQ(larger[1].weight1, 0.25f);
  EXPECT_EQ(larger[2].weight1, 0.75f);
  EXPECT_EQ(larger[3].index0, 1);
  EXPECT_EQ(larger[3].index1, 1);
  const auto smaller = linear_taps(6, 4);  // 0.25, 1.75, 3.25, 4.75
  EXPECT_EQ(smaller[1].index0, 1);
  EXPECT_EQ(smaller[1].weight1, 0.75f);
  EXPECT_EQ(smaller[3].index1, 5);
  const auto same = linear_taps(7, 7);
  for (std::int64_t i = 0; i < 7; ++i) {
    EXPECT_EQ(same[static_cast<std::size_t>(i)].index0, i);
    EXPECT_EQ(same[static_cast<std::size_t>(i)].weight1, 0);
  }
}

TEST(Resample, ZoomOneAndAHalfHasExactHalves) {
  for (const std::int64_t patch : {64, 128, 192}) {
    const auto taps = linear_taps(patch, patch * 3 / 2);
    for (std::size_t i = 1; i < taps.size(); i += 3) EXPECT_EQ(taps[i].weight1, 0.5f);
  }
}

TEST(Resample, AreaWindowsOverlapWhereSizesDoNotDivide) {
  EXPECT_EQ(area_window(0, 6, 4).lo, 0);
  EXPECT_EQ(area_window(0, 6, 4).hi, 2);
  EXPECT_EQ(area_window(1, 6, 4).lo, 1);
  EXPECT_EQ(area_window(1, 6, 4).hi, 3);
  EXPECT_EQ(area_window(3, 6, 4).lo, 4);
  EXPECT_EQ(area_window(3, 6, 4).hi, 6);
  EXPECT_EQ(area_window(5, 64, 16).lo, 20);
  EXPECT_EQ(area_window(5, 64, 16).hi, 24);
}

TEST(Resample, BlendingRoundsTheFirstProductOnlyWithTheSum) {
  const float third = 1.0f / 3, rest = 1 - third;
  EXPECT_EQ(blend(rest, 1, third, 1), 1.0f);
  EXPECT_EQ(blend(third, third, rest, third), std::fma(third, third, rest * third));
  EXPECT_EQ(blend(0.1f, 0.7f, 0.9f, 0.3f), std::fma(0.1f, 0.7f, 0.9f * 0.3f));
}

}  // namespace
}  // namespace sagittal
