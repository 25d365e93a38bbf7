#include <random>

#include <gtest/gtest.h>

#include "interact/mask_grid.h"
#include "interact/network_input.h"
#include "interact/prompt_grid.h"

namespace sagittal::interact {
namespace {

constexpr Index3 kShape{40, 70, 33};

std::size_t offset(const Index3& shape, std::int64_t i, std::int64_t j, std::int64_t k) {
  return static_cast<std::size_t>((i * shape[1] + j) * shape[2] + k);
}

template <class F>
void for_each_voxel(const Box& box, F&& f) {
  for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i) {
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) {
      for (std::int64_t k = box.lo[2]; k < box.hi[2]; ++k) f(i, j, k);
    }
  }
}

bool inside(const Index3& shape, std::int64_t i, std::int64_t j, std::int64_t k) {
  return i >= 0 && j >= 0 && k >= 0 && i < shape[0] && j < shape[1] && k < shape[2];
}

std::vector<float> read(const PromptGrid& grid, const Box& box) {
  std::vector<float> out(static_cast<std::size_t>(box.volume()));
  grid.read(box, quotient_table(1), out);
  return out;
}

TEST(PromptGrid, BehavesLikeADenseArray) {
  PromptGrid grid(kShape);
  std::vector<Half> dense(static_cast<std::size_t>(whole(kShape).volume()));
  const Box filled{{3, 0, 0}, {40, 66, 33}}, raised{{30, 30, 20}, {36, 36, 33}}, masked{{0, 60, 1}, {9, 70, 32}};
  grid.assign(filled, 100);
  for_each_voxel(filled, [&](auto i, auto j, auto k) { dense[offset(kShape, i, j, k)] = 100; });

  std::vector<Half> values(static_cast<std::size_t>(raised.volume()));
  for (std::size_t v = 0; v < values.size(); ++v) values[v] = static_cast<Half>(v % 200);
  grid.raise(raised, values);
  std::size_t v = 0;
  for_each_voxel(raised, [&](auto i, auto j, auto k) {
    Half& voxel = dense[offset(kShape, i, j, k)];
    voxel = std::max(voxel, values[v++]);
  });

  std::vector<std::uint8_t> mask(static_cast<std::size_t>(masked.volume()));
  for (std::size_t n = 0; n < mask.size(); n += 3) mask[n] = 9;
  grid.raise(masked, mask, 150);
  v = 0;
  for_each_voxel(masked, [&](auto i, auto j, auto k) {
    Half& voxel = dense[offset(kShape, i, j, k)];
    if (mask[v++]) voxel = std::max<Half>(voxel, 150);
  });

  const Box beyond{{-3, 5, -2}, {44, 75, 40}};
  const std::vector<float> seen = read(grid, beyond);
  v = 0;
  for_each_voxel(beyond, [&](auto i, auto j, auto k) {
    const Half expected = inside(kShape, i, j, k) ? dense[offset(kShape, i, j, k)] : Half{0};
    ASSERT_EQ(seen[v++], from_half(expected));
  });
}

TEST(PromptGrid, ScalingRoundsToHalf) {
  PromptGrid grid({4, 4, 4});
  grid.assign({{0, 0, 0}, {1, 1, 1}}, to_half(60000));
  grid.assign({{1, 0, 0}, {2, 1, 1}}, to_half(3));
  grid.scale(0.1f);
  const auto seen = read(grid, whole({4, 4, 4}));
  EXPECT_EQ(seen[0], from_half(to_half(6000)));
  EXPECT_EQ(seen[16], from_half(to_half(3 * 0.1f)));
  EXPECT_EQ(seen[1], 0);
}

TEST(PromptGrid, CopiesShareBlocksUntilOneIsWritten) {
  PromptGrid grid({64, 64, 64});
  grid.assign({{1, 1, 1}, {2, 2, 2}}, kHalfOne);
  grid.assign({{40, 40, 40}, {41, 41, 41}}, kHalfOne);
  PromptGrid copy = grid;
  copy.assign({{5, 5, 5}, {6, 6, 6}}, kHalfOne);
  EXPECT_EQ(compare(grid, copy).entries.size(), 1u);
  EXPECT_EQ(read(grid, {{5, 5, 5}, {6, 6, 6}})[0], 0);
  EXPECT_EQ(copy.cells().back().block, grid.cells().back().block);
}

TEST(PromptGrid, WholeBlocksOfOneValueNeedNoMemory) {
  PromptGrid grid({64, 64, 64});
  grid.assign(whole({64, 64, 64}), kHalfOne);
  for (const auto& cell : grid.cells()) EXPECT_FALSE(cell.block);
  EXPECT_EQ(grid.uniform_value({{3, 3, 3}, {50, 50, 50}}), kHalfOne);
  EXPECT_FALSE(grid.uniform_value({{-3, 3, 3}, {50, 50, 50}})) << "zero outside";
}

TEST(MaskGrid, BehavesLikeADenseArray) {
  ThreadPool pool(2);
  std::mt19937 random(1);
  std::vector<std::uint8_t> dense(static_cast<std::size_t>(whole(kShape).volume()));
  for (auto& voxel : dense) voxel = random() % 3 == 0;
  MaskGrid grid = MaskGrid::from_bytes(kShape, dense, pool);

  const Box beyond{{-4, 20, -7}, {37, 80, 30}};
  BitVolume pasted(beyond.size());
  for_each_voxel(whole(beyond.size()), [&](auto i, auto j, auto k) {
    if (random() % 2) pasted.fill({{i, j, k}, {i + 1, j + 1, k + 1}}, true);
  });
  grid.paste(pasted, beyond, pool);
  for_each_voxel(whole(kShape), [&](auto i, auto j, auto k) {
    const Box here{{i, j, k}, {i + 1, j + 1, k + 1}};
    if (intersect(here, beyond) == here) dense[offset(kShape, i, j, k)] = pasted.at(i + 4, j - 20, k + 7);
    ASSERT_EQ(grid.at(i, j, k), dense[offset(kShape, i, j, k)] != 0);
  });

  const Box window{{-1, -1, -1}, {41, 71, 34}};
  const BitVolume bits = grid.read(window);
  std::vector<float> floats(static_cast<std::size_t>(window.volume()));
  grid.read(window, std::span(floats));
  for_each_voxel(whole(window.size()), [&](auto i, auto j, auto k) {
    const bool expected = inside(kShape, i - 1, j - 1, k - 1) && dense[offset(kShape, i - 1, j - 1, k - 1)];
    ASSERT_EQ(bits.at(i, j, k), expected);
    ASSERT_EQ(floats[offset(window.size(), i, j, k)], expected ? 1.0f : 0.0f);
  });
  std::vector<std::uint8_t> updated(dense.size(), 7);
  grid.update(whole(kShape), updated);
  EXPECT_EQ(updated, dense);
}

TEST(MaskGrid, KnowsItsBoundsAndWhatChanged) {
  ThreadPool pool(1);
  MaskGrid empty(kShape);
  EXPECT_FALSE(empty.bounds());
  MaskGrid grid = empty;
  const Box box{{2, 33, 5}, {36, 40, 33}};
  BitVolume ones(box.size());
  ones.fill(whole(box.size()), true);
  grid.paste(ones, box, pool);
  EXPECT_EQ(grid.bounds(), box);
  EXPECT_EQ(changed_bounds(grid, compare(empty, grid)), box);
  MaskGrid same = grid;
  same.paste(ones, box, pool);
  EXPECT_TRUE(compare(grid, same).entries.empty()) << "what stays the same keeps its blocks";
  MaskGrid full(kShape);
  BitVolume all(kShape);
  all.fill(whole(kShape), true);
  full.paste(all, whole(kShape), pool);
  for (const auto& cell : full.cells()) EXPECT_FALSE(cell.block) << "uniform, also at the edges";
  EXPECT_EQ(full.bounds(), whole(kShape));
}

TEST(MaskGrid, SharesTheBlocksOfAnotherThatHoldsTheSame) {
  ThreadPool pool(2);
  std::mt19937 random(2);
  std::vector<std::uint8_t> dense(static_cast<std::size_t>(whole(kShape).volume()));
  for (auto& voxel : dense) voxel = random() % 3 == 0;
  const MaskGrid before = MaskGrid::from_bytes(kShape, dense, pool);
  const Box box{{-2, 0, 0}, {40, 70, 33}};
  BitVolume pasted(box.size());
  for_each_voxel(whole(box.size()), [&](auto i, auto j, auto k) {
    if (random() % 2) pasted.fill({{i, j, k}, {i + 1, j + 1, k + 1}}, true);
  });
  MaskGrid other(kShape), expected = before, shared = before;
  other.paste(pasted, box, pool);
  expected.paste(pasted, box, pool);
  shared.paste_shared(other, pasted, box, pool);
  std::size_t same = 0;
  for (std::size_t n = 0; n < shared.cells().size(); ++n) {
    EXPECT_TRUE(same_voxels(shared.cells()[n], expected.cells()[n])) << n;
    same += shared.cells()[n] == other.cells()[n];
  }
  EXPECT_GT(same, 0U);
}

}  // namespace
}  // namespace sagittal::interact
