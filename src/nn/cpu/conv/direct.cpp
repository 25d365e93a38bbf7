#include <algorithm>

#include "nn/cpu/conv/executor.h"

namespace sagittal::nn::cpu::conv {
namespace {

constexpr std::int64_t kRingBytes = 400 << 10;  // stays in the second-level cache

/// Planes of packed lines while they are needed: for each block `kernel[0]` planes, each split by what its rows and
/// columns leave when divided by the stride, so that every tap is a shift of the output's positions.
struct Ring {
  template <class T>
  Ring(const Recipe<T>& recipe, std::int64_t rows) : taps(taps_of(recipe.shape, recipe.kernels->block_channels)) {
    const Shape& shape = recipe.shape;
    for (std::size_t axis = 0; axis < 3; ++axis) margin[axis] = (taps[axis] - 1) / shape.stride[axis];
    pitch = shape.out.size[2] + margin[2];
    phase_lines = (rows + margin[1]) * pitch;
    plane_lines = phase_lines * shape.stride[1] * shape.stride[2];
    block_lines = plane_lines * shape.kernel[0];
  }
  SpatialSize taps;
  std::array<std::int64_t, 3> margin{};
  std::int64_t pitch, phase_lines, plane_lines, block_lines;
};

/// The latest panel's product, stored at once or, by kernels that overlap, some rows at a time while the next is
/// computed.
template <class T>
class Unstored {
 public:
  Unstored(const Kernels<T>& kernels, PanelArguments& panel) : kernels_(kernels) {
    if (!kernels.overlaps) return;
    panel.meanwhile = [](void* unstored) { static_cast<Unstored*>(unstored)->store(kRows); };
    panel.context = this;
  }
  Unstored(const Unstored&) = delete;
  Unstored& operator=(const Unstored&) = delete;
  /// After the one before is stored.
  void take(const StoreArguments<T>& product) {
    finish();
    rest_ = product;
    if (!kernels_.overlaps) finish();
  }
  void finish() { store(rest_.count); }

 private:
  static constexpr std::int64_t kRows = 4;  // take less time than the products of a tap

  void store(std::int64_t most) {
    if (rest_.count == 0) return;
    StoreArguments<T> now = rest_;
    now.count = std::min(most, rest_.count);
    kernels_.store(now);
    rest_.product += now.count * kPanelOutputs;
    rest_.first += now.count;
    rest_.count -= now.count;
  }

  const Kernels<T>& kernels_;
  StoreArguments<T> rest_{};
};

/// Bytes of the products that are computed and of those that are stored meanwhile.
template <class T>
std::int64_t product_bytes(const Kernels<T>& kernels) {
  return kernels.overlaps ? 2 * kProductBytes : kProductBytes;
}

template <class T>
std::int64_t rows_of(const Recipe<T>& recipe) {
  const auto blocks = static_cast<std::int64_t>(blocks_of(recipe.shape, recipe.kernels->block_channels).size());
  const std::int64_t height = recipe.shape.out.size[1];
  std::int64_t rows = height;
  while (rows > 1 && blocks * Ring(recipe, rows).block_lines * kLineBytes > kRingBytes) --rows;
  const std::int64_t ranges = (height + rows - 1) / rows;
  return (height + ranges - 1) / ranges;
}

template <class T>
class Direct final : public Executor<T> {
  using Base = Executor<T>;
  using typename Base::Maps;
  using typename Base::Sums;

 public:
  Direct(const Recipe<T>& recipe, std::shared_ptr<const Buffer> weights, std::vector<float> bias, TensorId work,
         TensorId sums)
      : Base(recipe, partition(recipe), work_bytes(recipe), std::move(weights), std::move(bias), work, sums),
        ring_(recipe, rows_of(recipe)) {}

  static Partition partition(const Recipe<T>& recipe);
  static std::size_t work_bytes(const Recipe<T>& recipe);

 private:
  void compute(const Maps& maps, const Slab& slab, std::byte* work) const override;
  void pack_plane(const Maps& maps, const Slab& slab, std::int64_t z, std::byte* ring) const;
  void compute_plane(const Maps& maps, const Slab& slab, std::int64_t plane, int group, const std::byte* ring,
                     float* product, Sums& sums) const;
  std::byte* slot(std::byte* ring, std::int64_t z) const {
    return ring + (z + this->shape_.kernel[0]) % this->shape_.kernel[0] * ring_.plane_lines * kLineBytes;
  }
  std::vector<std::ptrdiff_t> taps_at(std::int64_t plane) const;

  Ring ring_;
};

template <class T>
void Direct<T>::pack_plane(const Maps& maps, const Slab& slab, std::int64_t z, std::byte* ring) const {
  const Shape& shape = this->shape_;
  const std::int64_t rows = (slab.row_end - slab.row_begin - 1) * shape.stride[1] + shape.kernel[1];
  const std::int64_t top = slab.row_begin * shape.stride[1] - (shape.kernel[1] - 1) / 2;
  const std::int64_t left = -(shape.kernel[2] - 1) / 2;
  for (std::size_t b = 0; b < this->blocks_.size(); ++b) {
    std::byte* plane = slot(ring, z) + static_cast<std::int64_t>(b) * ring_.block_lines * kLineBytes;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t phase = 0; phase < std::min(shape.stride[2], ring_.taps[2]); ++phase) {
        const std::int64_t line =
            (row % shape.stride[1] * shape.stride[2] + phase) * ring_.phase_lines + row / shape.stride[1] * ring_.pitch;
        this->pack_row(maps, this->blocks_[b], z, top + row, left + phase, shape.stride[2], ring_.pitch,
                       plane + line * kLineBytes);
      }
    }
  }
}

template <class T>
std::vector<std::ptrdiff_t> Direct<T>::taps_at(std::int64_t plane) const {
  const auto& [kd, kh, kw] = ring_.taps;
  const auto& stride = this->shape_.stride;
  std::vector<std::ptrdiff_t> taps;
  for (std::int64_t z = 0; z < kd; ++z) {
    const std::int64_t in = plane * stride[0] + z - (kd - 1) / 2;
    for (std::int64_t y = 0; y < kh; ++y) {
      for (std::int64_t x = 0; x < kw; ++x) {
        const std::int64_t phase = y % stride[1] * stride[2] + x % stride[2];
        taps.push_back(((in + kd) % kd * ring_.plane_lines + phase * ring_.phase_lines + y / stride[1] * ring_.pitch +
                        x / stride[2]) *
                       kLineBytes);
      }
    }
  }
  return taps;
}

template <class T>
void Direct<T>::compute_plane(const Maps& maps, const Slab& slab, std::int64_t plane, int group, const std::byte* ring,
                              float* product, Sums& sums) const {
  const std::vector<std::ptrdiff_t> taps = taps_at(plane);
  const auto blocks = static_cast<int>(this->blocks_.size());
  const std::ptrdiff_t group_bytes = blocks * static_cast<std::ptrdiff_t>(taps.size()) * kSteps * kGroup * 4;
  StoreArguments<T> to = this->store_arguments(maps, slab, plane, group, ring_.pitch, sums);
  PanelArguments panel{};
  panel.taps = taps.data();
  panel.tap_count = static_cast<int>(taps.size());
  panel.blocks = blocks;
  panel.last_steps = this->last_steps();
  panel.block_stride = ring_.block_lines * kLineBytes;
  panel.weights = this->weights_->data() + group * group_bytes;
  panel.group_stride = group_bytes;
  panel.groups = std::min(kPanelGroups, this->shape_.output_groups() - group);
  Unstored<T> unstored(this->kernels_, panel);
  float* next = this->kernels_.overlaps ? product + kPanelRows * kPanelOutputs : product;
  const std::int64_t end = (slab.row_end - slab.row_begin) * ring_.pitch - ring_.margin[2];
  const std::int64_t unit = this->kernels_.row_unit;
  for (to.first = 0; to.first < end; to.first += kPanelRows) {
    panel.out = product;
    to.product = product;
    to.count = std::min(kPanelRows, end - to.first);
    panel.lines = ring + to.first * kLineBytes;
    panel.rows = (to.count + unit - 1) / unit * unit;
    this->kernels_.panel(panel);
    if (to.first == 0 && plane == slab.plane_begin) sums.begin(product, to.bias, to.slope);
    unstored.take(to);
    std::swap(product, next);
  }
  unstored.finish();
}

template <class T>
void Direct<T>::compute(const Maps& maps, const Slab& slab, std::byte* work) const {
  auto* product = reinterpret_cast<float*>(work);
  std::byte* ring = work + product_bytes(this->kernels_);
  const Shape& shape = this->shape_;
  const std::int64_t before = (shape.kernel[0] - 1) / 2;
  const std::int64_t voxels = (slab.row_end - slab.row_begin) * (slab.column_end - slab.column_begin);
  std::vector<Sums> sums(static_cast<std::size_t>((slab.group_end - slab.group_begin + 1) / kPanelGroups));
  std::int64_t packed = slab.plane_begin * shape.stride[0] - before;
  for (std::int64_t plane = slab.plane_begin; plane < slab.plane_end; ++plane) {
    const std::int64_t needed = plane * shape.stride[0] + shape.kernel[0] - before;
    for (packed = std::max(packed, needed - shape.kernel[0]); packed < needed; ++packed) {
      pack_plane(maps, slab, packed, ring);
    }
    for (int group = slab.group_begin; group < slab.group_end; group += kPanelGroups) {
      Sums& mine = sums[static_cast<std::size_t>((group - slab.group_begin) / kPanelGroups)];
      compute_plane(maps, slab, plane, group, ring, product, mine);
      this->add(mine, voxels, group, maps.sums);
    }
  }
}

template <class T>
Partition Direct<T>::partition(const Recipe<T>& recipe) {
  return {recipe.shape.out.size, recipe.shape.output_groups(), rows_of(recipe), recipe.shape.out.size[2]};
}

template <class T>
std::size_t Direct<T>::work_bytes(const Recipe<T>& recipe) {
  const auto blocks = static_cast<std::int64_t>(blocks_of(recipe.shape, recipe.kernels->block_channels).size());
  const Ring ring(recipe, rows_of(recipe));
  const std::int64_t lines = blocks * ring.block_lines + recipe.kernels->row_unit;  // the last panel reads beyond
  return aligned(static_cast<std::size_t>(lines * kLineBytes + product_bytes(*recipe.kernels)));
}

}  // namespace

template <class T>
const Method<T>& direct_method() {
  static constexpr Method<T> kMethod = method_of<Direct<T>, T>();
  return kMethod;
}

template const Method<float>& direct_method<float>();
template const Method<Bf16>& direct_method<Bf16>();

}  // namespace sagittal::nn::cpu::conv
