#include "volume/components.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sagittal {
namespace {

using testing::ElementsAre;

TEST(Components, CornersJoinOnlyWhereAsked) {
  const std::vector<std::uint8_t> mask{1, 0, 0,  //
                                       0, 1, 1,  //
                                       0, 0, 0,  //
                                       1, 0, 0};
  EXPECT_THAT(Components(mask, {2, 2, 3}, 1, Connectivity::faces).sizes(), ElementsAre(1, 2, 1));
  EXPECT_THAT(Components(mask, {2, 2, 3}, 1, Connectivity::full).sizes(), ElementsAre(4));
}

TEST(Components, RunsSayWhereTheyAre) {
  const std::vector<std::uint8_t> mask{0, 2, 2, 0, 2};
  const Components components(mask, {1, 1, 5}, 2, Connectivity::faces);
  ASSERT_EQ(components.runs().size(), 2U);
  EXPECT_EQ(components.runs()[1].begin, 4);
  EXPECT_EQ(components.runs()[1].component, 1);
  EXPECT_THAT(components.sizes(), ElementsAre(2, 1));
}

TEST(Components, NothingHasNone) {
  EXPECT_TRUE(Components(std::vector<std::uint8_t>(8, 0), {2, 2, 2}, 1, Connectivity::full).sizes().empty());
}

/// The same by visiting neighbour after neighbour.
std::vector<std::int64_t> sizes_by_walking(const std::vector<std::uint8_t>& mask, const Index3& shape, bool full) {
  std::vector<bool> seen(mask.size(), false);
  std::vector<std::int64_t> sizes;
  for (std::size_t start = 0; start < mask.size(); ++start) {
    if (mask[start] == 0 || seen[start]) continue;
    std::vector<std::int64_t> open{static_cast<std::int64_t>(start)};
    seen[start] = true;
    std::int64_t size = 0;
    while (!open.empty()) {
      const std::int64_t n = open.back();
      open.pop_back();
      ++size;
      const std::int64_t i = n / (shape[1] * shape[2]), j = n / shape[2] % shape[1], k = n % shape[2];
      for (std::int64_t d = 0; d < 27; ++d) {
        const std::int64_t a = d / 9 - 1, b = d / 3 % 3 - 1, c = d % 3 - 1;
        if (!full && std::abs(a) + std::abs(b) + std::abs(c) != 1) continue;
        if (i + a < 0 || i + a >= shape[0] || j + b < 0 || j + b >= shape[1] || k + c < 0 || k + c >= shape[2])
          continue;
        const auto m = static_cast<std::size_t>(((i + a) * shape[1] + j + b) * shape[2] + k + c);
        if (mask[m] == 0 || seen[m]) continue;
        seen[m] = true;
        open.push_back(static_cast<std::int64_t>(m));
      }
    }
    sizes.push_back(size);
  }
  return sizes;
}

TEST(Components, AreThoseOfAWalk) {
  const Index3 shape{7, 9, 11};
  std::uint64_t state = 1;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::uint8_t> mask(7 * 9 * 11);
    for (auto& voxel : mask) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      voxel = (state >> 60) < static_cast<std::uint64_t>(3 + round / 2);
    }
    for (const bool full : {false, true}) {
      const Components components(mask, shape, 1, full ? Connectivity::full : Connectivity::faces);
      EXPECT_EQ(components.sizes(), sizes_by_walking(mask, shape, full)) << round << full;
    }
  }
}

TEST(FillHoles, FillsWhatTheBorderDoesNotReach) {
  // A box of 3 x 3 x 3 around an empty voxel, and one with a hole to the outside.
  std::vector<std::uint8_t> closed(125, 0);
  for (int i = 1; i < 4; ++i) {
    for (int j = 1; j < 4; ++j) {
      for (int k = 1; k < 4; ++k) closed[static_cast<std::size_t>((i * 5 + j) * 5 + k)] = 1;
    }
  }
  const std::size_t middle = (2 * 5 + 2) * 5 + 2;
  std::vector<std::uint8_t> filled = closed;
  closed[middle] = 0;
  fill_holes(closed, {5, 5, 5});
  EXPECT_EQ(closed, filled);
  closed[middle] = closed[middle - 1] = 0;
  const std::vector<std::uint8_t> open = closed;
  fill_holes(closed, {5, 5, 5});
  EXPECT_EQ(closed, open);
}

TEST(FillHoles, ASliceHasNoInside) {
  std::vector<std::uint8_t> ring{1, 1, 1, 1, 0, 1, 1, 1, 1};
  fill_holes(ring, {1, 3, 3});
  EXPECT_EQ(ring[4], 0);
}

}  // namespace
}  // namespace sagittal
