#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "nn/cpu/activation.h"

namespace sagittal::nn::cpu::conv {

/// Output channels of one group of weights.
inline constexpr int kGroup = 16;

/// A transposed convolution whose kernel is its stride: each voxel times a matrix gives its window.
struct Upsampling {
  std::string name;  ///< of its parameters
  int outputs;
  SpatialSize stride;
  bool biased = false;                         ///< it has "<name>.bias"
  std::shared_ptr<const Buffer> weights = {};  ///< lines [place in the window][group][block of the map][step][16]
  std::vector<float> biases = {};              ///< of whole groups
};

/// What a convolution reads: a feature map, normalised on the way where `norm` has a tensor, and upsampled on the way
/// where `up` says how.
struct Input {
  Activation map;
  Coefficients norm;
  float slope = 1;
  std::optional<Upsampling> up = {};

  std::vector<int> groups() const { return up ? std::vector<int>{up->outputs} : map.groups; }
  int stored_channels() const { return up ? padded(up->outputs) : map.stored_channels(); }
  SpatialSize size() const;
};

/// A convolution with zero padding (k - 1) / 2 over the channels of all inputs, which have one size and of which at
/// most one is upsampled. The kernel is odd; the output has size / stride voxels.
struct Shape {
  std::vector<Input> inputs;
  Activation out;
  SpatialSize kernel{1, 1, 1};
  SpatialSize stride{1, 1, 1};
  float slope = 1;  ///< of a leaky ReLU on the result

  SpatialSize in_size() const { return inputs.front().size(); }
  int output_groups() const { return (out.stored_channels() + kGroup - 1) / kGroup; }
};

/// Channels that share a line.
struct Block {
  std::size_t input;
  int first;        ///< stored channel of the input
  int channels;     ///< of all columns, a multiple of kChannelUnit
  int columns = 1;  ///< all of the kernel's, one after the other, where they fit
};
std::vector<Block> blocks_of(const Shape& shape, int block_channels);
std::vector<Block> blocks_of(const Activation& map, int block_channels);
/// Taps on each axis: the kernel, less the columns that share a line.
SpatialSize taps_of(const Shape& shape, int block_channels);

/// Part of the output that one thread computes at a time: half-open ranges.
struct Slab {
  std::int64_t index;  ///< of the part of space
  std::int64_t plane_begin, plane_end, row_begin, row_end, column_begin, column_end;
  int group_begin, group_end;
};

/// The output in slabs. It does not depend on the number of threads, so that neither do sums over slabs.
class Partition {
 public:
  Partition() = default;
  /// Slabs have at most `rows` x `columns` positions in a plane.
  Partition(const SpatialSize& size, int groups, std::int64_t rows, std::int64_t columns);

  std::int64_t count() const { return spaces() * group_ranges_; }
  std::int64_t spaces() const { return plane_ranges_ * row_ranges_ * column_ranges_; }
  Slab slab(std::int64_t item) const;
  /// Of a slab, at most.
  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }

 private:
  SpatialSize size_{};
  int groups_ = 0;
  std::int64_t rows_ = 1, columns_ = 1, planes_ = 1, groups_each_ = 1;
  std::int64_t plane_ranges_ = 1, row_ranges_ = 1, column_ranges_ = 1, group_ranges_ = 1;
};

}  // namespace sagittal::nn::cpu::conv
