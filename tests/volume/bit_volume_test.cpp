#include "volume/bit_volume.h"

#include <random>

#include <gtest/gtest.h>

namespace sagittal {
namespace {

/// One byte per voxel, by the plainest means.
struct Plain {
  Index3 shape;
  std::vector<std::uint8_t> voxels;

  explicit Plain(const Index3& s) : shape(s), voxels(static_cast<std::size_t>(whole(s).volume())) {}
  std::uint8_t& at(std::int64_t i, std::int64_t j, std::int64_t k) {
    return voxels[static_cast<std::size_t>((i * shape[1] + j) * shape[2] + k)];
  }
  bool inside(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return i >= 0 && j >= 0 && k >= 0 && i < shape[0] && j < shape[1] && k < shape[2];
  }
  BitVolume bits() {
    BitVolume out(shape);
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      for (std::int64_t j = 0; j < shape[1]; ++j) {
        out.set_row(i, j, 0, {&at(i, j, 0), static_cast<std::size_t>(shape[2])});
      }
    }
    return out;
  }
};

Plain random_plain(const Index3& shape, double density, unsigned seed) {
  Plain plain(shape);
  std::mt19937 random(seed);
  std::bernoulli_distribution set(density);
  for (auto& voxel : plain.voxels) voxel = set(random);
  return plain;
}

template <class F>
void for_each_voxel(const Index3& shape, F&& f) {
  for (std::int64_t i = 0; i < shape[0]; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      for (std::int64_t k = 0; k < shape[2]; ++k) f(i, j, k);
    }
  }
}

constexpr Index3 kShapes[]{{1, 1, 1}, {3, 4, 63}, {4, 3, 64}, {3, 5, 65}, {9, 8, 130}, {2, 2, 200}};

TEST(BitVolume, HoldsWhatIsWritten) {
  for (const Index3& shape : kShapes) {
    Plain plain = random_plain(shape, 0.4, 1);
    const BitVolume bits = plain.bits();
    std::int64_t set = 0;
    for_each_voxel(shape, [&](auto i, auto j, auto k) {
      ASSERT_EQ(bits.at(i, j, k), plain.at(i, j, k) != 0);
      if (plain.at(i, j, k)) {
        ASSERT_EQ(bits.select(set), (Index3{i, j, k}));
        ++set;
      }
    });
    EXPECT_EQ(bits.count(whole(shape)), set);
  }
}

TEST(BitVolume, ReadsAcrossWordsAndBeyondTheRow) {
  Plain plain = random_plain({2, 2, 200}, 0.5, 2);
  const BitVolume bits = plain.bits();
  for (std::int64_t k = -70; k < 210; ++k) {
    const std::uint64_t word = bits.bits_from(1, 1, k);
    for (std::int64_t b = 0; b < 64; ++b) {
      const bool expected = plain.inside(1, 1, k + b) && plain.at(1, 1, k + b);
      ASSERT_EQ((word >> b) & 1, expected ? 1u : 0u) << k << " " << b;
    }
  }
}

TEST(BitVolume, CopiesAndFillsBoxesAtAnyOffset) {
  const Index3 shape{3, 4, 150};
  Plain source = random_plain(shape, 0.5, 3), target = random_plain(shape, 0.5, 4);
  for (const std::int64_t from : {0, 1, 63, 64, 70}) {
    for (const std::int64_t to : {0, 5, 63, 64, 65}) {
      BitVolume bits = target.bits();
      const Box box{{1, 1, from}, {3, 3, from + 80}};
      bits.copy_from(source.bits(), box, {0, 2, to});
      const Box hole{{1, 2, to + 1}, {2, 3, to + 66}};
      bits.fill(hole, true);
      for_each_voxel(shape, [&](auto i, auto j, auto k) {
        bool expected = target.at(i, j, k);
        if (i < 2 && j >= 2 && k >= to && k < to + 80) expected = source.at(i + 1, j - 1, k - to + from);
        if (i == 1 && j == 2 && k > to && k < to + 66) expected = true;
        ASSERT_EQ(bits.at(i, j, k), expected);
      });
      EXPECT_EQ(bits.count(hole), 65);
    }
  }
}

TEST(BitVolume, FindsItsBounds) {
  BitVolume bits({20, 20, 200});
  EXPECT_FALSE(bits.bounds());
  EXPECT_FALSE(bits.any());
  bits.fill({{3, 4, 70}, {4, 5, 71}}, true);
  EXPECT_EQ(bits.bounds(), (Box{{3, 4, 70}, {4, 5, 71}}));
  bits.fill({{7, 1, 129}, {8, 2, 130}}, true);
  EXPECT_EQ(bits.bounds(), (Box{{3, 1, 70}, {8, 5, 130}}));
}

TEST(BitVolume, CubesSpreadAndShrinkWithinTheArray) {
  ThreadPool pool(2);
  for (const Index3& shape : kShapes) {
    for (const int radius : {1, 2, 5}) {
      Plain plain = random_plain(shape, 0.02, 5), dense = random_plain(shape, 0.98, 6);
      BitVolume dilated = plain.bits(), eroded = dense.bits();
      dilate_cube(dilated, radius, pool);
      erode_cube(eroded, radius, pool);
      for_each_voxel(shape, [&](auto i, auto j, auto k) {
        bool any = false, all = true;
        for (auto a = i - radius; a <= i + radius; ++a) {
          for (auto b = j - radius; b <= j + radius; ++b) {
            for (auto c = k - radius; c <= k + radius; ++c) {
              if (!plain.inside(a, b, c)) continue;
              any = any || plain.at(a, b, c);
              all = all && dense.at(a, b, c);
            }
          }
        }
        ASSERT_EQ(dilated.at(i, j, k), any);
        ASSERT_EQ(eroded.at(i, j, k), all);
      });
      EXPECT_EQ(dilated.bits_from(0, 0, shape[2]), 0u) << "bits behind the row stay zero";
      EXPECT_EQ(eroded.bits_from(0, 0, shape[2]), 0u);
    }
  }
}

TEST(BitVolume, DifferenceAndUnion) {
  Plain a = random_plain({3, 3, 70}, 0.5, 7), b = random_plain({3, 3, 70}, 0.5, 8);
  const BitVolume different = a.bits().difference(b.bits()), joined = a.bits().joined(b.bits());
  for_each_voxel(a.shape, [&](auto i, auto j, auto k) {
    ASSERT_EQ(different.at(i, j, k), a.at(i, j, k) != b.at(i, j, k));
    ASSERT_EQ(joined.at(i, j, k), a.at(i, j, k) || b.at(i, j, k));
  });
}

}  // namespace
}  // namespace sagittal
