#include "interact/cover.h"

#include <random>

#include <gtest/gtest.h>

namespace sagittal::interact {
namespace {

constexpr Index3 kPatch{20, 20, 20};
constexpr Index3 kMargin{4, 4, 4};

std::int64_t no_leftover(std::int64_t) {
  ADD_FAILURE() << "the greedy part should have covered everything";
  return 0;
}

/// Whether the inner parts of `patches` hold every set voxel.
bool covers(const std::vector<Box>& patches, BitVolume needed) {
  for (const Box& patch : patches) {
    Box inner;
    for (int axis = 0; axis < 3; ++axis) {
      EXPECT_EQ(patch.hi[axis] - patch.lo[axis], kPatch[axis]);
      inner.lo[axis] = std::max<std::int64_t>(0, patch.lo[axis] + kMargin[axis]);
      inner.hi[axis] = std::min(needed.shape()[axis], patch.hi[axis] - kMargin[axis]);
    }
    needed.fill(inner, false);
  }
  return !needed.any();
}

TEST(Cover, NothingNeedsNoPatch) { EXPECT_TRUE(cover(BitVolume({30, 30, 30}), kPatch, kMargin, no_leftover).empty()); }

TEST(Cover, ASmallObjectNeedsOnePatchAroundTheFirstBestCandidate) {
  BitVolume needed({60, 60, 60});
  needed.fill({{20, 20, 20}, {25, 25, 25}}, true);
  const auto patches = cover(needed, kPatch, kMargin, no_leftover);
  ASSERT_EQ(patches.size(), 1u);
  EXPECT_EQ(patches[0], (Box{{10, 10, 10}, {30, 30, 30}})) << "all candidates cover everything: the first";
}

TEST(Cover, ALargeObjectIsCoveredGreedily) {
  BitVolume needed({60, 60, 60});
  needed.fill({{5, 5, 5}, {54, 54, 54}}, true);
  const auto patches = cover(needed, kPatch, kMargin, make_leftover_pick());
  EXPECT_TRUE(covers(patches, needed));
  EXPECT_EQ(patches[0], (Box{{7, 7, 7}, {27, 27, 27}})) << "grid of 12 from 5: 17 is the first whose window is full";
}

TEST(Cover, WithoutAHitTheGridIsMadeFiner) {
  // bounds from (10, 10, 10) to (18, 11, 18): a grid of every second voxel misses them all
  BitVolume needed({60, 60, 60});
  for (const Index3& at : {Index3{10, 11, 11}, {11, 10, 10}, {18, 11, 13}, {11, 11, 18}}) {
    needed.fill({at, {at[0] + 1, at[1] + 1, at[2] + 1}}, true);
  }
  const auto patches = cover(needed, kPatch, kMargin, no_leftover);
  EXPECT_TRUE(covers(patches, needed));
}

TEST(Cover, WithoutAnyGridPointTheLeftoverIsPicked) {
  BitVolume needed({300, 4, 4});
  needed.fill({{0, 1, 0}, {1, 2, 1}}, true);  // bounds begin at (0, 0, 0), which is not set
  needed.fill({{299, 0, 1}, {300, 1, 2}}, true);
  int picks = 0;
  const auto patches = cover(needed, kPatch, kMargin, [&](std::int64_t count) {
    ++picks;
    return count - 1;
  });
  EXPECT_TRUE(covers(patches, needed));
  EXPECT_GE(picks, 2);
}

TEST(Cover, LeftoversAreCoveredAndTheSameEveryTime) {
  std::mt19937 random(1);
  BitVolume needed({120, 100, 90});
  for (int n = 0; n < 60; ++n) {
    const Index3 at{static_cast<std::int64_t>(random() % 116), static_cast<std::int64_t>(random() % 96),
                    static_cast<std::int64_t>(random() % 86)};
    needed.fill({at, {at[0] + 4, at[1] + 4, at[2] + 4}}, true);
  }
  const auto first = cover(needed, kPatch, kMargin, make_leftover_pick());
  EXPECT_TRUE(covers(first, needed));
  EXPECT_EQ(first, cover(needed, kPatch, kMargin, make_leftover_pick()));
}

TEST(Cover, PicksAreFixedFractions) {
  const LeftoverPick pick = make_leftover_pick();
  EXPECT_EQ(pick(std::int64_t{1} << 32), 0xe220a839);  // the upper half of splitmix64(0)
  EXPECT_EQ(pick(std::int64_t{1} << 62), 0x910a2dec89025cc1 >> 2);
  EXPECT_EQ(pick(1), 0);
  const LeftoverPick one = make_leftover_pick(), other = make_leftover_pick();
  for (int n = 0; n < 1000; ++n) {
    const std::int64_t first = one(100'000), second = other(100'001);
    EXPECT_LT(first, 100'000);
    EXPECT_LE(std::abs(first - second), 1);
  }
}

TEST(Cover, TheMarginIsTwentyFourWherePatchesAreLargeEnough) {
  EXPECT_EQ(cover_margin({192, 64, 49}), (Index3{24, 24, 24}));
  EXPECT_EQ(cover_margin({48, 16, 1}), (Index3{6, 2, 0}));
}

}  // namespace
}  // namespace sagittal::interact
