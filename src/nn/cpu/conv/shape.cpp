#include "nn/cpu/conv/shape.h"

#include <algorithm>

#include "nn/cpu/conv/kernels.h"

namespace sagittal::nn::cpu::conv {
namespace {

constexpr std::int64_t kWantedSlabs = 48;   // work for as many threads
constexpr std::int64_t kPlanesPerSlab = 8;  // or the planes that slabs share are packed too often

std::int64_t parts(std::int64_t count, std::int64_t each) { return (count + each - 1) / each; }

/// The kernel's where they fit into a line as they lie in memory, else 1.
int columns_of(const Shape& shape, int block_channels) {
  const Input& input = shape.inputs.front();
  const std::int64_t channels = shape.kernel[2] * input.map.stored_channels();
  const bool as_they_lie = shape.stride[2] == 1 && input.norm.tensor == TensorId::none && !input.up;
  return shape.inputs.size() == 1 && as_they_lie && channels <= block_channels ? static_cast<int>(shape.kernel[2]) : 1;
}

void add_blocks(std::size_t input, int channels, int block_channels, std::vector<Block>& blocks) {
  for (int first = 0; first < channels; first += block_channels) {
    blocks.push_back({input, first, std::min(block_channels, channels - first)});
  }
}

}  // namespace

SpatialSize taps_of(const Shape& shape, int block_channels) {
  return {shape.kernel[0], shape.kernel[1], shape.kernel[2] / columns_of(shape, block_channels)};
}

SpatialSize Input::size() const {
  SpatialSize size = map.size;
  for (std::size_t axis = 0; up && axis < 3; ++axis) size[axis] *= up->stride[axis];
  return size;
}

std::vector<Block> blocks_of(const Shape& shape, int block_channels) {
  if (const int columns = columns_of(shape, block_channels); columns > 1) {
    return {{0, 0, columns * shape.inputs.front().map.stored_channels(), columns}};
  }
  std::vector<Block> blocks;
  for (std::size_t input = 0; input < shape.inputs.size(); ++input) {
    add_blocks(input, shape.inputs[input].stored_channels(), block_channels, blocks);
  }
  return blocks;
}

std::vector<Block> blocks_of(const Activation& map, int block_channels) {
  std::vector<Block> blocks;
  add_blocks(0, map.stored_channels(), block_channels, blocks);
  return blocks;
}

Partition::Partition(const SpatialSize& size, int groups, std::int64_t rows, std::int64_t columns)
    : size_(size), groups_(groups), rows_(rows), columns_(columns) {
  row_ranges_ = parts(size[1], rows);
  column_ranges_ = parts(size[2], columns);
  const std::int64_t wanted = parts(kWantedSlabs, row_ranges_ * column_ranges_);
  planes_ = parts(size[0], std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, size[0] / kPlanesPerSlab)));
  plane_ranges_ = parts(size[0], planes_);
  const std::int64_t pairs = parts(groups, kPanelGroups);
  const std::int64_t splits = std::clamp<std::int64_t>(parts(kWantedSlabs / 4, spaces()), 1, pairs);
  groups_each_ = parts(pairs, splits) * kPanelGroups;
  group_ranges_ = parts(groups, groups_each_);
}

Slab Partition::slab(std::int64_t item) const {
  const auto range = [](std::int64_t part, std::int64_t each, std::int64_t all) {
    return std::pair(part * each, std::min(all, (part + 1) * each));
  };
  Slab slab{};
  slab.index = item / group_ranges_;
  std::tie(slab.plane_begin, slab.plane_end) = range(slab.index / (row_ranges_ * column_ranges_), planes_, size_[0]);
  std::tie(slab.row_begin, slab.row_end) = range(slab.index / column_ranges_ % row_ranges_, rows_, size_[1]);
  std::tie(slab.column_begin, slab.column_end) = range(slab.index % column_ranges_, columns_, size_[2]);
  const auto [first, last] = range(item % group_ranges_, groups_each_, groups_);
  slab.group_begin = static_cast<int>(first);
  slab.group_end = static_cast<int>(last);
  return slab;
}

}  // namespace sagittal::nn::cpu::conv
