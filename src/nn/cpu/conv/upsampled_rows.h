#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include "nn/cpu/conv/kernels.h"
#include "nn/cpu/conv/shape.h"

namespace sagittal::nn::cpu::conv {

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

/// A feature map as a step finds it: `scale` and `shift` as in PackArguments.
template <class T>
struct Source {
  const T* voxels;
  const float *scale, *shift;
};

/// What an input's transposed convolution makes of its map, row by row, for the rows and columns that one slab reads:
/// no voxel of it is ever stored. For one thread; its memory is the caller's.
template <class T>
class UpsampledRows {
 public:
  /// For at most so many rows and columns of the upsampled map.
  static std::size_t work_bytes(const Kernels<T>& kernels, const Input& input, std::int64_t rows, std::int64_t columns);

  /// Rows and columns are of the upsampled map, within it. All arguments outlive this.
  UpsampledRows(const Kernels<T>& kernels, const Input& input, const Source<T>& source, const Range& rows,
                const Range& columns, std::byte* work);

  /// Voxels of row (z, y) from the first column on, `block.channels` values each; valid until the next call.
  const T* row(const Block& block, std::int64_t z, std::int64_t y);
  std::int64_t first_column() const { return columns_.begin; }

 private:
  void pack_plane(std::int64_t z);

  const Kernels<T>& kernels_;
  const Input& input_;
  Source<T> source_;
  Range columns_;
  std::vector<Block> blocks_;  // of the map
  Range low_rows_, low_columns_;
  std::int64_t low_plane_ = -1;  // whose lines are packed
  std::byte* lines_;             // [block][row][column]
  float* product_;
  T* row_;
};

}  // namespace sagittal::nn::cpu::conv
