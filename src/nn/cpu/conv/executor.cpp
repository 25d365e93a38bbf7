#include "nn/cpu/conv/executor.h"

#include <algorithm>
#include <cstring>

namespace sagittal::nn::cpu::conv {

namespace {

/// What of an input so many neighbouring outputs read.
std::int64_t read_by(std::int64_t outputs, std::int64_t stride, std::int64_t kernel) {
  return (outputs - 1) * stride + kernel;
}

}  // namespace

template <class T>
std::size_t upsampling_bytes(const Recipe<T>& recipe, const Partition& partition) {
  const auto& [inputs, out, kernel, stride, slope] = recipe.shape;
  std::size_t bytes = 0;
  for (const Input& input : inputs) {
    if (!input.up) continue;
    bytes += UpsampledRows<T>::work_bytes(*recipe.kernels, input, read_by(partition.rows(), stride[1], kernel[1]),
                                          read_by(partition.columns(), stride[2], kernel[2]));
  }
  return bytes;
}

template <class T>
std::optional<UpsampledRows<T>> Executor<T>::upsampled_rows(const Maps& maps, const Slab& slab, std::byte* work) const {
  const auto range = [&](std::size_t axis, std::int64_t first, std::int64_t most) {
    const std::int64_t stride = shape_.stride[axis], kernel = shape_.kernel[axis];
    const std::int64_t begin = first * stride - (kernel - 1) / 2;
    return Range{std::max<std::int64_t>(0, begin),
                 std::min(shape_.in_size()[axis], begin + read_by(most, stride, kernel))};
  };
  for (std::size_t i = 0; i < shape_.inputs.size(); ++i) {
    if (!shape_.inputs[i].up) continue;
    return UpsampledRows<T>(kernels_, shape_.inputs[i], maps.in[i], range(1, slab.row_begin, partition_.rows()),
                            range(2, slab.column_begin, partition_.columns()), work);
  }
  return std::nullopt;
}

template <class T>
Executor<T>::Executor(const Recipe<T>& recipe, Partition partition, std::size_t work_bytes,
                      std::shared_ptr<const Buffer> weights, std::vector<float> bias, TensorId work, TensorId sums)
    : kernels_(*recipe.kernels),
      shape_(recipe.shape),
      blocks_(blocks_of(recipe.shape, recipe.kernels->block_channels)),
      weights_(std::move(weights)),
      partition_(partition),
      method_bytes_(work_bytes),
      work_bytes_(work_bytes + upsampling_bytes(recipe, partition)),
      bias_(std::move(bias)),
      work_(work),
      sums_(sums) {
  bias_.resize(static_cast<std::size_t>(shape_.output_groups() + kPanelGroups) * kGroup, 0.0F);
}

template <class T>
void Executor<T>::run(const RunContext& context) const {
  Maps maps{{}, nullptr, context.at<T>(shape_.out.tensor), nullptr};
  for (const Input& input : shape_.inputs) {
    const bool as_it_is = input.norm.tensor == TensorId::none;
    const float* scale = as_it_is ? nullptr : context.at<float>(input.norm.tensor);
    maps.in.push_back({context.at<T>(input.map.tensor), scale, as_it_is ? nullptr : scale + input.norm.pattern});
  }
  const std::int64_t channels = shape_.out.stored_channels();
  parallel_for_workers(context.threads, partition_.count(), [&](int worker, std::int64_t item) {
    const Slab slab = partition_.slab(item);
    Maps mine = maps;
    if (sums_ != TensorId::none) {
      mine.sums = context.at<double>(sums_) + slab.index * 2 * channels;
      const std::int64_t first = slab.group_begin * kGroup,
                         end = std::min<std::int64_t>(slab.group_end * kGroup, channels);
      std::fill(mine.sums + first, mine.sums + end, 0.0);
      std::fill(mine.sums + channels + first, mine.sums + channels + end, 0.0);
    }
    std::byte* work = context.at<std::byte>(work_) + static_cast<std::size_t>(worker) * work_bytes_;
    auto upsampled = upsampled_rows(mine, slab, work + method_bytes_);
    mine.upsampled = upsampled ? &*upsampled : nullptr;
    compute(mine, slab, work);
  });
}

template <class T>
void Executor<T>::pack_row(const Maps& maps, const Block& block, std::int64_t z, std::int64_t y, std::int64_t first,
                           std::int64_t step, std::int64_t count, std::byte* lines) const {
  const SpatialSize size = shape_.in_size();
  const auto zero = [lines](std::int64_t from, std::int64_t to) {
    if (to > from) std::memset(lines + from * kLineBytes, 0, static_cast<std::size_t>((to - from) * kLineBytes));
  };
  if (z < 0 || z >= size[0] || y < 0 || y >= size[1]) return zero(0, count);
  const Source<T>& in = maps.in[block.input];
  const Input& input = shape_.inputs[block.input];
  const std::int64_t channels = input.up ? block.channels : input.map.stored_channels();
  // A row that is upsampled begins where the slab does, and has this block's channels only.
  const T* row =
      input.up ? maps.upsampled->row(block, z, y) : in.voxels + (z * size[1] + y) * size[2] * channels + block.first;
  const std::int64_t row_first = input.up ? maps.upsampled->first_column() : 0;
  if (block.columns > 1) return pack_columns(row, block, first, count, lines);
  const std::int64_t begin = std::min(count, first < 0 ? (-first + step - 1) / step : 0);
  const std::int64_t end = std::clamp<std::int64_t>((size[2] - first + step - 1) / step, begin, count);
  zero(0, begin);
  zero(end, count);
  const bool as_it_is = input.up || in.scale == nullptr;
  kernels_.pack({row + (first + begin * step - row_first) * channels, step * channels, end - begin, block.channels,
                 as_it_is ? nullptr : in.scale + block.first, as_it_is ? nullptr : in.shift + block.first, input.slope,
                 lines + begin * kLineBytes, kLineBytes});
}

template <class T>
void Executor<T>::pack_columns(const T* voxels, const Block& block, std::int64_t first, std::int64_t count,
                               std::byte* lines) const {
  const std::int64_t width = shape_.in_size()[2], channels = block.channels / block.columns;
  const std::int64_t column_bytes = channels * kSteps * 4 / kernels_.block_channels;
  const auto pack = [&](std::int64_t x, std::int64_t columns, std::int64_t wanted, std::byte* to) {
    kernels_.pack({voxels + x * channels, channels, wanted, static_cast<int>(columns * channels), nullptr, nullptr, 1,
                   to, kLineBytes});
  };
  const auto inner_begin = std::min(count, -first);
  const auto inner_end = std::clamp<std::int64_t>(width - block.columns + 1 - first, inner_begin, count);
  for (std::int64_t i = 0; i < count; ++i) {
    if (i == inner_begin) i = inner_end;
    if (i == count) break;
    const std::int64_t begin = std::max<std::int64_t>(0, first + i), end = std::min(width, first + i + block.columns);
    std::byte edge[2 * kLineBytes]{};
    if (end > begin) pack(begin, end - begin, 1, edge + (begin - first - i) * column_bytes);
    std::memcpy(lines + i * kLineBytes, edge, kLineBytes);
  }
  if (inner_end > inner_begin)
    pack(first + inner_begin, block.columns, inner_end - inner_begin, lines + inner_begin * kLineBytes);
}

template <class T>
void Executor<T>::Sums::begin(const float* product, const float* bias, float slope) {
  for (std::size_t i = 0; i < origin.size(); ++i) {
    const float x = product[i] + bias[i];
    origin[i] = std::max(x, x * slope);
  }
  values.fill(0);
}

template <class T>
void Executor<T>::add(Sums& sums, std::int64_t count, int group, double* out) const {
  const std::int64_t channels = shape_.out.stored_channels();
  for (int i = 0; out != nullptr && i < stored_outputs(group); ++i) {
    const auto origin = static_cast<double>(sums.origin[static_cast<std::size_t>(i)]);
    const auto sum = static_cast<double>(sums.values[static_cast<std::size_t>(i)]);
    const auto square = static_cast<double>(sums.values[static_cast<std::size_t>(i + kPanelOutputs)]);
    const std::int64_t channel = group * kGroup + i;
    out[channel] += sum + static_cast<double>(count) * origin;
    out[channels + channel] += square + origin * (2 * sum + static_cast<double>(count) * origin);
  }
  sums.values.fill(0);
}

template <class T>
StoreArguments<T> Executor<T>::store_arguments(const Maps& maps, const Slab& slab, std::int64_t plane, int group,
                                               std::int64_t pitch, Sums& sums) const {
  const SpatialSize& size = shape_.out.size;
  const std::int64_t channels = shape_.out.stored_channels();
  StoreArguments<T> to{};
  to.pitch = pitch;
  to.width = slab.column_end - slab.column_begin;
  to.channels = stored_outputs(group);
  to.out = maps.out + ((plane * size[1] + slab.row_begin) * size[2] + slab.column_begin) * channels + group * kGroup;
  to.voxel_stride = channels;
  to.row_stride = size[2] * channels;
  to.bias = bias_.data() + group * kGroup;
  to.slope = shape_.slope;
  to.origin = sums.origin.data();
  to.sums = sums.values.data();
  return to;
}

template std::size_t upsampling_bytes<float>(const Recipe<float>&, const Partition&);
template std::size_t upsampling_bytes<Bf16>(const Recipe<Bf16>&, const Partition&);
template class Executor<float>;
template class Executor<Bf16>;

}  // namespace sagittal::nn::cpu::conv
