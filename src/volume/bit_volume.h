#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/recycled.h"
#include "base/thread_pool.h"
#include "volume/box.h"

namespace sagittal {

/// A dense binary array [axis0, axis1, axis2] with one bit per voxel; bit `k % 64` of word `k / 64` of a row is the
/// voxel k of axis 2. Bits behind the end of a row are zero. A box given to a member must lie inside.
class BitVolume {
 public:
  static constexpr std::int64_t kWordBits = 64;

  BitVolume() = default;
  /// All zero.
  explicit BitVolume(const Index3& shape);

  const Index3& shape() const { return shape_; }
  std::int64_t words_per_row() const { return words_per_row_; }
  std::span<std::uint64_t> row(std::int64_t i, std::int64_t j);
  std::span<const std::uint64_t> row(std::int64_t i, std::int64_t j) const;

  bool at(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return (row(i, j)[static_cast<std::size_t>(k / kWordBits)] >> (k % kWordBits)) & 1;
  }
  /// 64 voxels from k on, voxel k in the lowest bit; those outside the row are 0. k may be negative.
  std::uint64_t bits_from(std::int64_t i, std::int64_t j, std::int64_t k) const;
  /// Writes `count` <= 64 voxels from k on, which must lie inside the row.
  void set_bits(std::int64_t i, std::int64_t j, std::int64_t k, int count, std::uint64_t bits);
  /// Writes the voxels from k on: not zero is set.
  void set_row(std::int64_t i, std::int64_t j, std::int64_t k, std::span<const std::uint8_t> voxels);

  void fill(const Box& box, bool value);
  /// Copies `box` of `source`, to the place where its first voxel is `at`.
  void copy_from(const BitVolume& source, const Box& box, const Index3& at);

  bool any() const;
  std::int64_t count(const Box& box) const;
  /// Smallest box around the set voxels; none where nothing is set.
  std::optional<Box> bounds() const;
  /// The set voxel that has `rank` set voxels before it in C order; rank < count(whole).
  Index3 select(std::int64_t rank) const;

  /// Voxels at which `this` and `other`, of the same shape, differ.
  BitVolume difference(const BitVolume& other) const;
  /// Voxels that are set in `this` or in `other`, of the same shape.
  BitVolume joined(const BitVolume& other) const;

 private:
  Index3 shape_{};
  std::int64_t words_per_row_ = 0;
  RecycledVector<std::uint64_t> words_;
};

/// Set where any / all voxels of the cube of side 2 * radius + 1 are; the cube is clipped to the array. 0 <= radius
/// < 64.
void dilate_cube(BitVolume& volume, int radius, ThreadPool& pool);
void erode_cube(BitVolume& volume, int radius, ThreadPool& pool);

}  // namespace sagittal
