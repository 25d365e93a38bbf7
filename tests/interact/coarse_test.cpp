#include "interact/coarse.h"

#include <random>

#include <gtest/gtest.h>

#include "volume/resample.h"

namespace sagittal::interact {
namespace {

constexpr Index3 kPatch{64, 64, 64};
constexpr Box kBox{{0, 0, 0}, {64, 64, 64}};

/// Sets the first `count` voxels of the last plane of axis 2.
PatchMask face(std::int64_t count) {
  PatchMask mask(64 * 64 * 64);
  for (std::int64_t n = 0; n < count; ++n) mask[static_cast<std::size_t>(n * 64 + 63)] = 1;
  return mask;
}

bool at_border(const PatchMask& mask, const Index3& patch, const MaskGrid& previous, const Box& box,
               Rules rules = Rules::v2_6) {
  return reaches_border(mask, patch, previous, box, rules);
}

MaskGrid grid_of(const PatchMask& mask) {
  ThreadPool pool(1);
  return MaskGrid::from_bytes(kPatch, mask, pool);
}

TEST(Coarse, ManyChangedVoxelsOnAFaceAreALargeChange) {
  const MaskGrid previous = grid_of(face(4096));
  EXPECT_FALSE(at_border(face(4096 - 600), kPatch, previous, kBox)) << "less than a fifth of the face";
  EXPECT_TRUE(at_border(face(4096 - 1501), kPatch, previous, kBox));
  // as many voxels before as after: only the number of those that differ counts
  for (const std::int64_t moved : {750, 751}) {
    PatchMask before = face(4096), after = face(4096);
    for (std::int64_t n = 0; n < moved; ++n) {
      after[static_cast<std::size_t>(n * 64 + 63)] = 0;
      before[static_cast<std::size_t>((4095 - n) * 64 + 63)] = 0;
    }
    EXPECT_EQ(at_border(after, kPatch, grid_of(before), kBox), moved > 750);
  }
}

TEST(Coarse, AFewChangedVoxelsCountWhereTheyAreAFifthOfTheFace) {
  const MaskGrid none = grid_of(face(0));
  EXPECT_FALSE(at_border(face(100), kPatch, none, kBox)) << "never up to 100";
  EXPECT_TRUE(at_border(face(101), kPatch, none, kBox)) << "nothing was there before";
  const MaskGrid thousand = grid_of(face(1000));
  EXPECT_FALSE(at_border(face(1200), kPatch, thousand, kBox)) << "exactly a fifth more";
  EXPECT_TRUE(at_border(face(1201), kPatch, thousand, kBox));
  EXPECT_FALSE(at_border(face(834), kPatch, thousand, kBox)) << "1000 / 834 is below 1.2";
  EXPECT_TRUE(at_border(face(833), kPatch, thousand, kBox));
}

TEST(Coarse, InHalfPrecisionAFifthIsReachedALittleEarlier) {
  const MaskGrid thousand = grid_of(face(1000)), none = grid_of(face(0)), most = grid_of(face(3000));
  EXPECT_TRUE(at_border(face(1200), kPatch, thousand, kBox, Rules::v2_5)) << "half(1.2) - 1 is above half(0.2)";
  EXPECT_FALSE(at_border(face(1199), kPatch, thousand, kBox, Rules::v2_5));
  EXPECT_TRUE(at_border(face(101), kPatch, none, kBox, Rules::v2_5));
  EXPECT_FALSE(at_border(face(3597), kPatch, most, kBox, Rules::v2_5)) << "3597 is 3596 in half";
  EXPECT_TRUE(at_border(face(3599), kPatch, most, kBox, Rules::v2_5)) << "3599 is 3600 in half";
  EXPECT_FALSE(at_border(face(3599), kPatch, most, kBox, Rules::v2_6));
}

TEST(Coarse, EveryFaceIsLookedAtAlsoOutsideTheImage) {
  const MaskGrid previous = grid_of(PatchMask(64 * 64 * 64, 1));
  for (int axis = 0; axis < 3; ++axis) {
    for (const std::int64_t plane : {0, 63}) {
      PatchMask mask(64 * 64 * 64);
      for (std::int64_t v = 0; v < 64 * 64 * 64; ++v) {
        const Index3 at{v / 4096, v / 64 % 64, v % 64};
        mask[static_cast<std::size_t>(v)] = at[axis] == plane;
      }
      EXPECT_TRUE(at_border(mask, kPatch, grid_of(face(0)), kBox)) << axis << " " << plane;
    }
  }
  const Box beyond{{64, 0, 0}, {128, 64, 64}};
  EXPECT_TRUE(at_border(face(101), kPatch, previous, beyond)) << "nothing is set outside the image";
}

TEST(Coarse, TheBorderIsComparedWithTheNearestVoxelsOfALargerView) {
  const Index3 shape{128, 128, 128};
  MaskGrid previous(shape);
  ThreadPool pool(1);
  BitVolume ones({128, 128, 2});
  ones.fill(whole(ones.shape()), true);
  previous.paste(ones, {{0, 0, 126}, {128, 128, 128}}, pool);
  EXPECT_FALSE(at_border(face(4096), kPatch, previous, whole(shape)));
  EXPECT_TRUE(at_border(face(0), kPatch, previous, whole(shape)));
}

TEST(Coarse, TheSecondLogitMustBeLarger) {
  ThreadPool pool(1);
  const std::vector<float> logits{0, 1, -1, 2, 0, 2, -2, 2.5f};
  PatchMask mask;
  decide(logits, pool, mask);
  EXPECT_EQ(mask, (PatchMask{0, 1, 0, 1}));
}

TEST(Coarse, EnlargingIsTrilinearWithAThresholdOfOneHalf) {
  const Index3 patch{12, 10, 14};
  std::mt19937 random(3);
  PatchMask mask(static_cast<std::size_t>(whole(patch).volume()));
  for (std::size_t v = 0; v < mask.size(); ++v) mask[v] = v < mask.size() / 3 ? 0 : v % 5 != 0 && random() % 4;
  std::fill(mask.end() - 14 * 10 * 3, mask.end(), 1);  // full rows
  ThreadPool pool(2);
  const Index3 size{18, 23, 56};
  const Box part{{2, 0, 5}, {18, 20, 51}};
  const BitVolume large = enlarge(mask, patch, size, part, pool);
  const auto di = linear_taps(12, 18), dj = linear_taps(10, 23), dk = linear_taps(14, 56);
  for (std::int64_t i = part.lo[0]; i < part.hi[0]; ++i) {
    for (std::int64_t j = part.lo[1]; j < part.hi[1]; ++j) {
      for (std::int64_t k = part.lo[2]; k < part.hi[2]; ++k) {
        const LinearTap &a = di[static_cast<std::size_t>(i)], &b = dj[static_cast<std::size_t>(j)],
                        &c = dk[static_cast<std::size_t>(k)];
        const auto at = [&](auto x, auto y, auto z) {
          return static_cast<float>(mask[static_cast<std::size_t>((x * patch[1] + y) * patch[2] + z)]);
        };
        const auto line = [&](auto x, auto y) {
          return blend(c.weight0, at(x, y, c.index0), c.weight1, at(x, y, c.index1));
        };
        const auto sheet = [&](auto x) { return blend(b.weight0, line(x, b.index0), b.weight1, line(x, b.index1)); };
        const float value = blend(a.weight0, sheet(a.index0), a.weight1, sheet(a.index1));
        ASSERT_EQ(large.at(i - part.lo[0], j - part.lo[1], k - part.lo[2]), value >= 0.5f);
      }
    }
  }
}

TEST(Coarse, PackingKeepsAPartOfTheAnswer) {
  ThreadPool pool(2);
  std::mt19937 random(1);
  const Index3 patch{20, 9, 70};
  PatchMask mask(static_cast<std::size_t>(whole(patch).volume()));
  for (auto& voxel : mask) voxel = random() % 2;
  const Box part{{1, 2, 3}, {19, 9, 69}};
  const BitVolume packed = pack(mask, patch, part, pool);
  ASSERT_EQ(packed.shape(), part.size());
  for (std::int64_t i = part.lo[0]; i < part.hi[0]; ++i) {
    for (std::int64_t j = part.lo[1]; j < part.hi[1]; ++j) {
      for (std::int64_t k = part.lo[2]; k < part.hi[2]; ++k) {
        const auto at = static_cast<std::size_t>((i * patch[1] + j) * patch[2] + k);
        ASSERT_EQ(packed.at(i - 1, j - 2, k - 3), mask[at] != 0);
      }
    }
  }
}

}  // namespace
}  // namespace sagittal::interact
