#pragma once
#include <array>
#include <span>

#include "base/half.h"
#include "interact/block_grid.h"

namespace sagittal::interact {

using PromptBlock = std::array<Half, kBlockSide * kBlockSide * kBlockSide>;

/// One interaction channel: how strongly each voxel is marked, a finite binary16 value that is not negative. Boxes that
/// are written must lie inside the array; boxes that are read may leave it, where the channel is 0.
class PromptGrid : public BlockGrid<PromptBlock, Half> {
 public:
  using BlockGrid::BlockGrid;

  /// Overwrites every voxel of `box`.
  void assign(const Box& box, Half value);
  /// Raises the voxels of `box` to at least `values`, in C order over the box.
  void raise(const Box& box, std::span<const Half> values);
  /// Raises the voxels of `box` where `mask` is not zero to at least `value`.
  void raise(const Box& box, std::span<const std::uint8_t> mask, Half value);
  /// Multiplies every voxel, rounding to half.
  void scale(float factor);

  /// table[voxel] for the voxels of `box` in C order.
  void read(const Box& box, std::span<const float> table, std::span<float> out) const;
  /// The voxels of `box` times `factor`, rounded to half, in C order.
  void read(const Box& box, float factor, std::span<float> out) const;

 private:
  template <class Convert>
  void read_as(const Box& box, Convert&& convert, std::span<float> out) const;
  /// Calls `update(voxel, index of the voxel in C order over box)` for all voxels of `box` in cell `n`, on a copy.
  template <class Update>
  void rewrite(std::size_t n, const Box& box, Update&& update);
};

}  // namespace sagittal::interact
