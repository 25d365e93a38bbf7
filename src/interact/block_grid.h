#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "volume/box.h"

namespace sagittal::interact {

inline constexpr std::int64_t kBlockSide = 32;

/// An array [axis0, axis1, axis2] cut into cubes of 32^3. A cube holds either one value everywhere or a block of voxels
/// that never changes once it is in the grid; grids therefore share blocks, and a copy of a grid costs its table.
/// `Block` is a trivial array type, `Value` what a voxel holds.
template <class Block, class Value>
class BlockGrid {
 public:
  struct Cell {
    std::shared_ptr<const Block> block;  ///< null: `value` everywhere
    Value value{};
    bool operator==(const Cell&) const = default;
    bool is_zero() const { return !block && value == Value{}; }
  };

  BlockGrid() = default;
  explicit BlockGrid(const Index3& shape) : shape_(shape) {
    for (int axis = 0; axis < 3; ++axis) table_[axis] = (shape[axis] + kBlockSide - 1) / kBlockSide;
    cells_.resize(static_cast<std::size_t>(table_[0] * table_[1] * table_[2]));
  }

  const Index3& shape() const { return shape_; }
  const std::vector<Cell>& cells() const { return cells_; }
  void set_cell(std::size_t index, Cell cell) { cells_[index] = std::move(cell); }

  /// The voxels of cell `index`, clipped to the array.
  Box cell_box(std::size_t index) const {
    const auto n = static_cast<std::int64_t>(index);
    const Index3 position{n / (table_[1] * table_[2]), n / table_[2] % table_[1], n % table_[2]};
    Box box;
    for (int axis = 0; axis < 3; ++axis) {
      box.lo[axis] = position[axis] * kBlockSide;
      box.hi[axis] = std::min(box.lo[axis] + kBlockSide, shape_[axis]);
    }
    return box;
  }

  const Cell& cell_at(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return cells_[cell_index(i / kBlockSide, j / kBlockSide, k / kBlockSide)];
  }

  /// Indices of the cells that `box` touches, in C order; the box is clipped to the array first.
  std::vector<std::size_t> cells_in(const Box& box) const {
    std::vector<std::size_t> found;
    const Box inside = intersect(box, whole(shape_));
    if (inside.empty()) return found;
    Box range;
    for (int axis = 0; axis < 3; ++axis) {
      range.lo[axis] = inside.lo[axis] / kBlockSide;
      range.hi[axis] = (inside.hi[axis] - 1) / kBlockSide + 1;
    }
    found.reserve(static_cast<std::size_t>(range.volume()));
    for (std::int64_t i = range.lo[0]; i < range.hi[0]; ++i) {
      for (std::int64_t j = range.lo[1]; j < range.hi[1]; ++j) {
        for (std::int64_t k = range.lo[2]; k < range.hi[2]; ++k) found.push_back(cell_index(i, j, k));
      }
    }
    return found;
  }

  /// The value that all voxels of `box` have, as far as the table tells; voxels outside the array are zero.
  std::optional<Value> uniform_value(const Box& box) const {
    const auto indices = cells_in(box);
    if (indices.empty()) return Value{};
    const Cell& first = cells_[indices[0]];
    if (first.block || (first.value != Value{} && intersect(box, whole(shape_)) != box)) return std::nullopt;
    const bool agree = std::all_of(indices.begin(), indices.end(), [&](std::size_t n) { return cells_[n] == first; });
    return agree ? std::optional<Value>(first.value) : std::nullopt;
  }

 private:
  std::size_t cell_index(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return static_cast<std::size_t>((i * table_[1] + j) * table_[2] + k);
  }

  Index3 shape_{};
  Index3 table_{};
  std::vector<Cell> cells_;
};

/// What turns one grid into another of the same shape: the cells that differ.
template <class Grid>
struct GridChange {
  struct Entry {
    std::size_t index;
    typename Grid::Cell before;
    typename Grid::Cell after;
  };
  std::vector<Entry> entries;
};

template <class Grid>
GridChange<Grid> compare(const Grid& before, const Grid& after) {
  GridChange<Grid> change;
  for (std::size_t n = 0; n < before.cells().size(); ++n) {
    if (before.cells()[n] == after.cells()[n]) continue;
    change.entries.push_back({n, before.cells()[n], after.cells()[n]});
  }
  return change;
}

}  // namespace sagittal::interact
