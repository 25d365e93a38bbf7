#include "nn/cpu/conv/upsampled_rows.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// Of the map, what [begin, end) of what is made of it comes from.
Range low_range(const Range& range, std::int64_t stride) {
  return {range.begin / stride, (range.end + stride - 1) / stride};
}

template <class T>
std::size_t line_bytes(const Kernels<T>& kernels, const Input& input, std::int64_t rows, std::int64_t columns) {
  const auto blocks = static_cast<std::int64_t>(blocks_of(input.map, kernels.block_channels).size());
  return static_cast<std::size_t>((blocks * rows * columns + kernels.row_unit) * kLineBytes);  // panels read beyond
}

}  // namespace

template <class T>
std::size_t UpsampledRows<T>::work_bytes(const Kernels<T>& kernels, const Input& input, std::int64_t rows,
                                         std::int64_t columns) {
  const SpatialSize& stride = input.up->stride;
  const auto most = [](std::int64_t count, std::int64_t by) { return (count + by - 1) / by + 1; };
  const std::int64_t low_columns = most(columns, stride[2]);
  const std::int64_t row = low_columns * stride[2] * kernels.block_channels * static_cast<std::int64_t>(sizeof(T));
  return aligned(line_bytes(kernels, input, most(rows, stride[1]), low_columns)) + kProductBytes +
         aligned(static_cast<std::size_t>(row));
}

template <class T>
UpsampledRows<T>::UpsampledRows(const Kernels<T>& kernels, const Input& input, const Source<T>& source,
                                const Range& rows, const Range& columns, std::byte* work)
    : kernels_(kernels),
      input_(input),
      source_(source),
      columns_(columns),
      blocks_(blocks_of(input.map, kernels.block_channels)),
      low_rows_(low_range(rows, input.up->stride[1])),
      low_columns_(low_range(columns, input.up->stride[2])),
      lines_(work) {
  work += aligned(line_bytes(kernels, input, low_rows_.size(), low_columns_.size()));
  product_ = reinterpret_cast<float*>(work);
  row_ = reinterpret_cast<T*>(work + kProductBytes);
}

template <class T>
void UpsampledRows<T>::pack_plane(std::int64_t z) {
  const SpatialSize& size = input_.map.size;
  const std::int64_t channels = input_.map.stored_channels();
  std::byte* lines = lines_;
  for (const Block& block : blocks_) {
    const bool as_it_is = source_.scale == nullptr;
    for (std::int64_t y = low_rows_.begin; y < low_rows_.end; ++y, lines += low_columns_.size() * kLineBytes) {
      const T* voxel = source_.voxels + ((z * size[1] + y) * size[2] + low_columns_.begin) * channels + block.first;
      kernels_.pack({voxel, channels, low_columns_.size(), block.channels,
                     as_it_is ? nullptr : source_.scale + block.first, as_it_is ? nullptr : source_.shift + block.first,
                     input_.slope, lines, kLineBytes});
    }
  }
  low_plane_ = z;
}

template <class T>
const T* UpsampledRows<T>::row(const Block& block, std::int64_t z, std::int64_t y) {
  const Upsampling& up = *input_.up;
  if (z / up.stride[0] != low_plane_) pack_plane(z / up.stride[0]);
  const auto blocks = static_cast<int>(blocks_.size());
  const std::int64_t width = low_columns_.size(), group_bytes = std::int64_t{blocks} * kSteps * kGroup * 4;
  const std::byte* lines = lines_ + (y / up.stride[1] - low_rows_.begin) * width * kLineBytes;
  const std::int64_t groups = (padded(up.outputs) + kGroup - 1) / kGroup;
  constexpr std::ptrdiff_t here = 0;
  constexpr std::array<float, kPanelOutputs> origin{};
  std::array<float, 2 * kPanelOutputs> sums{};  // of no use

  PanelArguments panel{};
  panel.taps = &here;
  panel.tap_count = 1;
  panel.blocks = blocks;
  panel.last_steps = blocks_.back().channels * kSteps / kernels_.block_channels;
  panel.block_stride = low_rows_.size() * width * kLineBytes;
  panel.group_stride = group_bytes;
  panel.groups = (block.channels + kGroup - 1) / kGroup;
  panel.out = product_;
  for (std::int64_t x = 0; x < up.stride[2]; ++x) {
    const std::int64_t place = (z % up.stride[0] * up.stride[1] + y % up.stride[1]) * up.stride[2] + x;
    panel.weights = up.weights->data() + (place * groups + block.first / kGroup) * group_bytes;
    StoreArguments<T> to{product_,
                         0,
                         0,
                         width,
                         width,
                         block.channels,
                         row_ + x * block.channels,
                         up.stride[2] * block.channels,
                         0,
                         up.biases.data() + block.first,
                         1,
                         origin.data(),
                         sums.data()};
    for (to.first = 0; to.first < width; to.first += kPanelRows) {
      to.count = std::min(kPanelRows, width - to.first);
      panel.lines = lines + to.first * kLineBytes;
      panel.rows = (to.count + kernels_.row_unit - 1) / kernels_.row_unit * kernels_.row_unit;
      kernels_.panel(panel);
      kernels_.store(to);
    }
  }
  return row_ + (columns_.begin - low_columns_.begin * up.stride[2]) * block.channels;
}

template class UpsampledRows<float>;
template class UpsampledRows<Bf16>;

}  // namespace sagittal::nn::cpu::conv
