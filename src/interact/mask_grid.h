#pragma once
#include <array>
#include <optional>
#include <span>

#include "interact/block_grid.h"
#include "volume/bit_volume.h"

namespace sagittal::interact {

/// Row (i, j) of a block is word i * 32 + j; voxel k is its bit k.
using MaskBlock = std::array<std::uint32_t, kBlockSide * kBlockSide>;

/// A binary mask: blocks of bits, one value where a block is uniform. Boxes that are read may leave the array, where
/// the mask is 0.
class MaskGrid : public BlockGrid<MaskBlock, bool> {
 public:
  using BlockGrid::BlockGrid;

  /// The whole array from one byte per voxel, not zero is set.
  static MaskGrid from_bytes(const Index3& shape, std::span<const std::uint8_t> voxels, ThreadPool& pool);

  bool at(std::int64_t i, std::int64_t j, std::int64_t k) const;
  /// The voxels of `box`.
  BitVolume read(const Box& box) const;
  /// The voxels of `box` as 0 or 1, in C order.
  void read(const Box& box, std::span<float> out) const { read_into(box, out.data(), packed_strides(box)); }
  void read(const Box& box, std::span<std::uint8_t> out) const { read_into(box, out.data(), packed_strides(box)); }
  /// The voxels of `box`, which must lie inside, into the same place of a dense array of the whole grid.
  void update(const Box& box, std::span<std::uint8_t> dense) const;
  /// Overwrites the voxels of `box` inside the array; `source` has the size of `box`.
  void paste(const BitVolume& source, const Box& box, ThreadPool& pool);
  /// The same where `other`, of the same shape, has `source` there already: cells that lie in `box` are shared with it.
  void paste_shared(const MaskGrid& other, const BitVolume& source, const Box& box, ThreadPool& pool);

  /// Set voxels.
  std::int64_t count() const;
  /// Smallest box around the set voxels.
  std::optional<Box> bounds() const;

 private:
  /// Distances of neighbouring planes and rows.
  using Strides = std::array<std::int64_t, 2>;
  static Strides packed_strides(const Box& box) {
    const Index3 size = box.size();
    return {size[1] * size[2], size[2]};
  }
  template <class T>
  void read_into(const Box& box, T* out, const Strides& strides) const;
  void paste_cell(std::size_t n, const BitVolume& source, const Box& box);
  MaskBlock block_of(std::size_t n) const;
};

/// Whether two cells hold the same; false too where one is a block of what the other is everywhere.
bool same_voxels(const MaskGrid::Cell& a, const MaskGrid::Cell& b);

/// Smallest box around the voxels at which the grids before and after a change differ.
std::optional<Box> changed_bounds(const MaskGrid& grid, const GridChange<MaskGrid>& change);

}  // namespace sagittal::interact
