#include <algorithm>

#include "nn/cpu/conv/executor.h"

namespace sagittal::nn::cpu::conv {
namespace {

constexpr std::int64_t kRingBytes = 720 << 10;  // stays in the second-level cache
constexpr std::int64_t kTileColumns = 8;        // in wide planes: the fewer voxels are packed twice, the squarer
constexpr std::int64_t kFewestTiles = 48;       // for which one reads the weights of deep layers

std::int64_t parts(std::int64_t count, std::int64_t each) { return (count + each - 1) / each; }
/// The size of even parts that are at most `most`.
std::int64_t even(std::int64_t count, std::int64_t most) { return parts(count, parts(count, most)); }

/// What is computed at once: rows x columns tiles of some planes. Lines of the ring are
/// [block][plane][frequency][tile].
struct Tiling {
  template <class T>
  explicit Tiling(const Recipe<T>& recipe) {
    const Shape& shape = recipe.shape;
    const auto& [depth, height, width] = shape.out.size;
    const auto blocks = static_cast<std::int64_t>(blocks_of(shape, recipe.kernels->block_channels).size());
    const std::int64_t plane_tile_bytes = blocks * kTileFrequencies * kLineBytes;
    const std::int64_t wanted = kRingBytes / (plane_tile_bytes * shape.kernel[0]);
    columns = even(parts(width, kTile), kTileColumns);
    rows = even(parts(height, kTile), std::max<std::int64_t>(1, std::max(wanted, kFewestTiles / 4) / columns));
    planes = std::clamp<std::int64_t>(kFewestTiles / (rows * columns), 1, depth);
    slots = planes + shape.kernel[0] - 1;
    tiles = parts(rows * columns, recipe.kernels->row_unit) * recipe.kernels->row_unit;
    slot_lines = kTileFrequencies * tiles;
    block_lines = slot_lines * slots;
    ring_bytes = blocks * block_lines * kLineBytes;
    products_bytes = planes * kTileFrequencies * tiles * kPanelOutputs * std::int64_t{sizeof(float)};
    const std::int64_t row_lines = columns * kTile + kTileInputs - kTile;
    rows_bytes = (rows * kTile + kTileInputs - kTile) * row_lines * kLineBytes;
    output_bytes = kTile * columns * kTile * kPanelOutputs * std::int64_t{sizeof(float)};
  }
  std::int64_t rows, columns, planes, slots, tiles, slot_lines, block_lines;
  std::int64_t ring_bytes, products_bytes, rows_bytes, output_bytes;
};

template <class T>
class Winograd final : public Executor<T> {
  using Base = Executor<T>;
  using typename Base::Maps;
  using typename Base::Sums;

 public:
  Winograd(const Recipe<T>& recipe, std::shared_ptr<const Buffer> weights, std::vector<float> bias, TensorId work,
           TensorId sums)
      : Base(recipe, partition(recipe), work_bytes(recipe), std::move(weights), std::move(bias), work, sums),
        tiling_(recipe) {}

  static Partition partition(const Recipe<T>& recipe);
  static std::size_t work_bytes(const Recipe<T>& recipe);

 private:
  struct Work {
    std::byte* ring;
    float* products;
    std::byte* rows;
    float* output;
  };
  void compute(const Maps& maps, const Slab& slab, std::byte* work) const override;
  void pack_plane(const Maps& maps, const Slab& slab, std::int64_t z, const Work& work) const;
  void multiply(std::int64_t plane, std::int64_t planes, int group, std::int64_t tiles, const Work& work) const;
  void store_plane(const Maps& maps, const Slab& slab, std::int64_t plane, int group, const float* products,
                   const Work& work, Sums& sums) const;
  std::int64_t slot(std::int64_t z) const {
    return (z + tiling_.slots) % tiling_.slots * tiling_.slot_lines * kLineBytes;
  }
  std::int64_t plane_products() const { return kTileFrequencies * tiling_.tiles * kPanelOutputs; }
  static std::int64_t tile_columns(const Slab& slab) { return parts(slab.column_end - slab.column_begin, kTile); }
  static std::int64_t tile_rows(const Slab& slab) { return parts(slab.row_end - slab.row_begin, kTile); }

  Tiling tiling_;
};

template <class T>
void Winograd<T>::pack_plane(const Maps& maps, const Slab& slab, std::int64_t z, const Work& work) const {
  const std::int64_t columns = tile_columns(slab), row_lines = columns * kTile + kTileInputs - kTile;
  const std::int64_t row_bytes = row_lines * kLineBytes;
  for (std::size_t b = 0; b < this->blocks_.size(); ++b) {
    for (std::int64_t row = 0; row < tile_rows(slab) * kTile + kTileInputs - kTile; ++row) {
      this->pack_row(maps, this->blocks_[b], z, slab.row_begin + row - 1, slab.column_begin - 1, 1, row_lines,
                     work.rows + row * row_bytes);
    }
    std::byte* out = work.ring + static_cast<std::int64_t>(b) * tiling_.block_lines * kLineBytes + slot(z);
    for (std::int64_t row = 0; row < tile_rows(slab); ++row) {
      this->kernels_.tile_input({work.rows + row * kTile * row_bytes, row_bytes, columns,
                                 out + row * columns * kLineBytes, tiling_.tiles * kLineBytes});
    }
  }
}

template <class T>
void Winograd<T>::multiply(std::int64_t plane, std::int64_t planes, int group, std::int64_t tiles,
                           const Work& work) const {
  const std::int64_t depth = this->shape_.kernel[0];
  std::vector<std::ptrdiff_t> taps;
  for (std::int64_t p = 0; p < planes; ++p) {
    for (std::int64_t z = 0; z < depth; ++z) taps.push_back(slot(plane + p + z - (depth - 1) / 2));
  }
  PanelArguments panel{};
  panel.tap_count = static_cast<int>(depth);
  panel.blocks = static_cast<int>(this->blocks_.size());
  panel.last_steps = this->last_steps();
  panel.block_stride = tiling_.block_lines * kLineBytes;
  panel.group_stride = panel.blocks * depth * kSteps * kGroup * 4;
  panel.groups = std::min(kPanelGroups, this->shape_.output_groups() - group);
  panel.rows = tiles;
  for (std::int64_t f = 0; f < kTileFrequencies; ++f) {
    panel.lines = work.ring + f * tiling_.tiles * kLineBytes;
    panel.weights = this->weights_->data() + (f * this->shape_.output_groups() + group) * panel.group_stride;
    for (std::int64_t p = 0; p < planes; ++p) {
      panel.taps = taps.data() + p * depth;
      panel.out = work.products + p * plane_products() + f * tiling_.tiles * kPanelOutputs;
      this->kernels_.panel(panel);
    }
  }
}

template <class T>
void Winograd<T>::store_plane(const Maps& maps, const Slab& slab, std::int64_t plane, int group, const float* products,
                              const Work& work, Sums& sums) const {
  const std::int64_t columns = tile_columns(slab), pitch = columns * kTile;
  StoreArguments<T> to = this->store_arguments(maps, slab, plane, group, pitch, sums);
  to.product = work.output;
  TileOutputArguments tile{nullptr, tiling_.tiles * kPanelOutputs, columns, 0, work.output, pitch * kPanelOutputs};
  tile.groups = std::min(kPanelGroups, this->shape_.output_groups() - group);
  for (std::int64_t row = 0; row < tile_rows(slab); ++row) {
    tile.products = products + row * columns * kPanelOutputs;
    this->kernels_.tile_output(tile);
    if (row == 0 && plane == slab.plane_begin) sums.begin(work.output, to.bias, to.slope);
    to.first = row * kTile * pitch;
    to.count = std::min<std::int64_t>(kTile, slab.row_end - slab.row_begin - row * kTile) * pitch;
    this->kernels_.store(to);
  }
}

template <class T>
void Winograd<T>::compute(const Maps& maps, const Slab& slab, std::byte* work) const {
  Work at{};
  at.ring = work;
  at.products = reinterpret_cast<float*>(work + tiling_.ring_bytes);
  at.rows = work + tiling_.ring_bytes + tiling_.products_bytes;
  at.output = reinterpret_cast<float*>(at.rows + tiling_.rows_bytes);
  const std::int64_t depth = this->shape_.kernel[0], after = (depth - 1) / 2;
  const std::int64_t voxels = (slab.row_end - slab.row_begin) * (slab.column_end - slab.column_begin);
  const std::int64_t unit = this->kernels_.row_unit;
  const std::int64_t tiles = parts(tile_rows(slab) * tile_columns(slab), unit) * unit;
  std::vector<Sums> sums(static_cast<std::size_t>((slab.group_end - slab.group_begin + 1) / kPanelGroups));
  for (std::int64_t z = slab.plane_begin - after; z < slab.plane_begin + after; ++z) pack_plane(maps, slab, z, at);
  for (std::int64_t plane = slab.plane_begin; plane < slab.plane_end; plane += tiling_.planes) {
    const std::int64_t planes = std::min(tiling_.planes, slab.plane_end - plane);
    for (std::int64_t p = 0; p < planes; ++p) pack_plane(maps, slab, plane + p + after, at);
    for (int group = slab.group_begin; group < slab.group_end; group += kPanelGroups) {
      Sums& mine = sums[static_cast<std::size_t>((group - slab.group_begin) / kPanelGroups)];
      multiply(plane, planes, group, tiles, at);
      for (std::int64_t p = 0; p < planes; ++p) {
        store_plane(maps, slab, plane + p, group, at.products + p * plane_products(), at, mine);
        this->add(mine, voxels, group, maps.sums);
      }
    }
  }
}

template <class T>
Partition Winograd<T>::partition(const Recipe<T>& recipe) {
  const Tiling tiling(recipe);
  return {recipe.shape.out.size, recipe.shape.output_groups(), tiling.rows * kTile, tiling.columns * kTile};
}

template <class T>
std::size_t Winograd<T>::work_bytes(const Recipe<T>& recipe) {
  const Tiling tiling(recipe);
  return aligned(
      static_cast<std::size_t>(tiling.ring_bytes + tiling.products_bytes + tiling.rows_bytes + tiling.output_bytes));
}

}  // namespace

template <class T>
const Method<T>& winograd_method() {
  static constexpr Method<T> kMethod = method_of<Winograd<T>, T>();
  return kMethod;
}

template const Method<float>& winograd_method<float>();
template const Method<Bf16>& winograd_method<Bf16>();

}  // namespace sagittal::nn::cpu::conv
