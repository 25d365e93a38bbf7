#include "interact/network_input.h"

#include <cmath>

#include "base/recycled.h"
#include "base/vectorised.h"
#include "interact/raster.h"
#include "interact/shrunk_image.h"
#include "volume/bits.h"
#include "volume/resample.h"

namespace sagittal::interact {
namespace {

constexpr std::int64_t kPlaneGrain = 8;
constexpr std::int64_t kTile = 16;  // outputs per axis that are averaged in one go
constexpr std::size_t kFiniteHalves = 0x7c00;

std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

/// A small dense array of floats on a box.
struct Tile {
  Index3 size;
  RecycledVector<float> values;

  explicit Tile(const Index3& extent) : size(extent), values(to_size(whole(extent).volume())) {}

  float* row(std::int64_t i, std::int64_t j) { return values.data() + (i * size[1] + j) * size[2]; }
};

void raise_row(float* target, const float* other, std::int64_t count) {
  for (std::int64_t n = 0; n < count; ++n) target[n] = std::max(target[n], other[n]);
}

/// Whether anything of a row is not 0, for each row of a tile: prompts are small.
using MarkedRows = std::vector<std::uint8_t>;

SAGITTAL_VECTORISED MarkedRows marked_rows(const Tile& tile) {
  MarkedRows marked(to_size(tile.size[0] * tile.size[1]));
  const float* row = tile.values.data();
  for (std::size_t r = 0; r < marked.size(); ++r, row += tile.size[2]) {
    int any = 0;
    for (std::int64_t k = 0; k < tile.size[2]; ++k) any |= row[k] != 0 ? 1 : 0;
    marked[r] = any != 0;
  }
  return marked;
}

/// Maximum over the cube of side 2 * radius + 1, clipped to the tile.
void widen(Tile& tile, MarkedRows& marked, std::int64_t radius) {
  const std::int64_t n0 = tile.size[0], n1 = tile.size[1], n2 = tile.size[2];
  std::vector<float> source(to_size(n2));
  for (std::int64_t r = 0; r < n0 * n1; ++r) {
    if (marked[to_size(r)] == 0) continue;
    float* row = tile.values.data() + r * n2;
    std::copy_n(row, n2, source.data());
    for (std::int64_t d = 1; d <= std::min(radius, n2 - 1); ++d) {
      raise_row(row, source.data() + d, n2 - d);
      raise_row(row + d, source.data(), n2 - d);
    }
  }
  std::vector<std::int64_t> found;  // of `rows` rows, those that are marked
  const auto widen_rows = [&](std::int64_t first, std::int64_t rows, std::int64_t stride) {
    found.clear();
    source.resize(to_size(rows * n2));
    for (std::int64_t m = 0; m < rows; ++m) {
      if (marked[to_size(first + m * stride)] == 0) continue;
      found.push_back(m);
      std::copy_n(tile.values.data() + (first + m * stride) * n2, n2, source.data() + m * n2);
    }
    for (const std::int64_t m : found) {
      for (std::int64_t r = std::max<std::int64_t>(0, m - radius); r <= std::min(rows - 1, m + radius); ++r) {
        raise_row(tile.values.data() + (first + r * stride) * n2, source.data() + m * n2, n2);
        marked[to_size(first + r * stride)] = 1;
      }
    }
  };
  for (std::int64_t i = 0; i < n0; ++i) widen_rows(i * n1, n1, 1);
  for (std::int64_t j = 0; j < n1; ++j) widen_rows(j, n0, n1);
}

using Windows = std::array<std::vector<AreaWindow>, 3>;

template <class Sum, class Value>
void add_row(Sum* target, const Value* other, std::int64_t count) {
  for (std::int64_t n = 0; n < count; ++n) target[n] = static_cast<Sum>(target[n] + other[n]);
}

Index3 count_of(const Windows& windows) {
  return {std::ssize(windows[0]), std::ssize(windows[1]), std::ssize(windows[2])};
}

/// Sums of `tile` over windows[a] on each axis a, which are relative to the tile; along the last axis first.
Tile window_sums(const Tile& tile, const MarkedRows& marked, const Windows& windows) {
  const Index3 out = count_of(windows);
  Tile lower({tile.size[0], out[1], out[2]});
  std::fill(lower.values.begin(), lower.values.end(), 0.0F);
  std::vector<float> narrow(to_size(tile.size[1] * out[2]));
  for (std::int64_t i = 0; i < tile.size[0]; ++i) {
    for (std::int64_t j = 0; j < tile.size[1]; ++j) {
      if (marked[to_size(i * tile.size[1] + j)] == 0) continue;
      const float* source = tile.values.data() + (i * tile.size[1] + j) * tile.size[2];
      for (std::int64_t k = 0; k < out[2]; ++k) {
        float sum = 0;
        for (std::int64_t n = windows[2][to_size(k)].lo; n < windows[2][to_size(k)].hi; ++n) sum += source[n];
        narrow[to_size(j * out[2] + k)] = sum;
      }
    }
    for (std::int64_t j = 0; j < out[1]; ++j) {
      const AreaWindow window = windows[1][to_size(j)];
      for (std::int64_t n = window.lo; n < window.hi; ++n) {
        if (marked[to_size(i * tile.size[1] + n)] != 0) add_row(lower.row(i, j), narrow.data() + n * out[2], out[2]);
      }
    }
  }
  Tile sums(out);
  std::fill(sums.values.begin(), sums.values.end(), 0.0F);
  for (std::int64_t i = 0; i < out[0]; ++i) {
    const AreaWindow window = windows[0][to_size(i)];
    for (std::int64_t n = window.lo; n < window.hi; ++n) add_row(sums.row(i, 0), lower.row(n, 0), out[1] * out[2]);
  }
  return sums;
}

/// The same for voxels [size] of 0 and 1, whose sums do not depend on the order: along the axes of long rows first.
SAGITTAL_VECTORISED Tile window_counts(std::span<const std::uint8_t> voxels, const Index3& size,
                                       const Windows& windows) {
  const Index3 out = count_of(windows);
  Tile sums(out);
  RecycledVector<std::uint16_t> plane(to_size(size[1] * size[2])), row(to_size(size[2]));
  for (std::int64_t i = 0; i < out[0]; ++i) {
    const AreaWindow along0 = windows[0][to_size(i)];
    std::fill(plane.begin(), plane.end(), std::uint16_t{0});
    for (std::int64_t n = along0.lo; n < along0.hi; ++n) {
      add_row(plane.data(), voxels.data() + n * size[1] * size[2], size[1] * size[2]);
    }
    for (std::int64_t j = 0; j < out[1]; ++j) {
      const AreaWindow along1 = windows[1][to_size(j)];
      std::fill(row.begin(), row.end(), std::uint16_t{0});
      for (std::int64_t n = along1.lo; n < along1.hi; ++n) add_row(row.data(), plane.data() + n * size[2], size[2]);
      for (std::int64_t k = 0; k < out[2]; ++k) {
        const AreaWindow along2 = windows[2][to_size(k)];
        int sum = 0;
        for (std::int64_t n = along2.lo; n < along2.hi; ++n) sum += row[to_size(n)];
        sums.row(i, j)[k] = static_cast<float>(sum);
      }
    }
  }
  return sums;
}

}  // namespace

int widening_side(double zoom) {
  const double side = 2 * zoom - 1;
  const auto up = static_cast<int>(std::ceil(side));
  const auto down = static_cast<int>(std::floor(side));
  if (up % 2 == 1) return up;
  if (down % 2 == 1) return down;
  return static_cast<int>(round_half_even(side)) + 1;
}

std::vector<float> quotient_table(double intensity) {
  std::vector<float> table(kFiniteHalves);
  const float inverse = 1.0f / static_cast<float>(intensity);
  for (std::size_t bits = 0; bits < table.size(); ++bits) {
    const float value = from_half(static_cast<Half>(bits));
    table[bits] = intensity == 1 ? value : from_half(to_half(value * inverse));
  }
  return table;
}

/// How `box` becomes a patch.
struct NetworkInput::Shrinking {
  Box box;
  std::int64_t radius;
  std::vector<float> exact;     ///< quotient_table(1)
  std::vector<float> quotient;  ///< of the layers' intensity
};

NetworkInput::NetworkInput(const Model& model, const NormalisedImage& image, ThreadPool& pool)
    : model_(model), patch_(model.patch_size), image_(image), pool_(pool) {}

std::size_t NetworkInput::value_count() const {
  return patch_voxels() * to_size(1 + model_.capabilities.num_interaction_channels);
}

std::span<float> NetworkInput::channel_of(std::span<float> out, int channel) const {
  return out.subspan(to_size(channel) * patch_voxels(), patch_voxels());
}

bool NetworkInput::widens(int channel) const {
  const Capabilities& can = model_.capabilities;
  const auto is = [channel](const ChannelPair& pair) { return channel == pair.positive || channel == pair.negative; };
  if (channel == can.prev_seg_channel) return false;
  return (can.supports_points && is(can.points)) || (can.supports_scribble && is(can.scribble));
}

void NetworkInput::crop(const Layers& layers, const BitVolume& previous, const Box& box, std::span<float> out) const {
  const int channels = model_.capabilities.num_interaction_channels;
  const float inverse = 1.0f / static_cast<float>(layers.intensity);
  crop_image(box, channel_of(out, 0));
  pool_.parallel_for(channels * patch_[0], kPlaneGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const auto channel = static_cast<int>(n / patch_[0]);
      const std::int64_t i = n % patch_[0];
      const auto plane =
          channel_of(out, 1 + channel).subspan(to_size(i * patch_[1] * patch_[2]), to_size(patch_[1] * patch_[2]));
      if (channel != model_.capabilities.prev_seg_channel) {
        Box part = box;
        part.lo[0] = box.lo[0] + i;
        part.hi[0] = part.lo[0] + 1;
        layers.prompts[to_size(channel)].read(part, inverse, plane);
        continue;
      }
      for (std::int64_t j = 0; j < patch_[1]; ++j) {
        float* row = plane.data() + j * patch_[2];
        const auto bits = previous.row(i, j);
        for (std::int64_t k = 0; k < patch_[2]; k += 32) {
          const auto word = static_cast<std::uint32_t>(bits[to_size(k / 64)] >> (k % 64));
          spread_word(word, std::min<std::int64_t>(32, patch_[2] - k), row + k);
        }
      }
    }
  });
}

void NetworkInput::crop_image(const Box& box, std::span<float> out) const {
  const Box inside = intersect(box, whole(image_.shape()));
  pool_.parallel_for(patch_[0], kPlaneGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin * patch_[1]; n < end * patch_[1]; ++n) {
      const std::int64_t i = box.lo[0] + n / patch_[1], j = box.lo[1] + n % patch_[1];
      float* row = out.data() + n * patch_[2];
      std::fill_n(row, patch_[2], 0.0f);
      if (inside.empty() || i < inside.lo[0] || i >= inside.hi[0] || j < inside.lo[1] || j >= inside.hi[1]) continue;
      image_.read({i, j, inside.lo[2]}, inside.hi[2] - inside.lo[2], row + inside.lo[2] - box.lo[2]);
    }
  });
}

void NetworkInput::shrink(const Layers& layers, const Box& box, double zoom, std::span<float> out) const {
  const Shrinking shrinking{box, (widening_side(zoom) - 1) / 2, quotient_table(1), quotient_table(layers.intensity)};
  shrink_image(image_, box, patch_, pool_, channel_of(out, 0));
  const std::int64_t slabs = (patch_[0] + kTile - 1) / kTile;
  const std::int64_t count = slabs * model_.capabilities.num_interaction_channels;
  pool_.parallel_for(count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      Box slab = whole(patch_);
      slab.lo[0] = n % slabs * kTile;
      slab.hi[0] = std::min(patch_[0], slab.lo[0] + kTile);
      const auto channel = static_cast<int>(n / slabs);
      shrink_channel(layers, channel, shrinking, slab, channel_of(out, 1 + channel));
    }
  });
}

namespace {

/// What a part of the patch is averaged from, in coordinates of the large box, widening included.
Box source_of(const Box& part, const Index3& large, const Index3& patch, std::int64_t radius) {
  Box source;
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t lo = area_window(part.lo[axis], large[axis], patch[axis]).lo;
    const std::int64_t hi = area_window(part.hi[axis] - 1, large[axis], patch[axis]).hi;
    source.lo[axis] = std::max<std::int64_t>(0, lo - radius);
    source.hi[axis] = std::min(large[axis], hi + radius);
  }
  return source;
}

/// Per output of the tile, relative to what it is averaged from.
Windows windows_of(const Box& tile, const Box& source, const Index3& large, const Index3& patch) {
  Windows windows;
  for (int axis = 0; axis < 3; ++axis) {
    for (std::int64_t n = tile.lo[axis]; n < tile.hi[axis]; ++n) {
      const AreaWindow window = area_window(n, large[axis], patch[axis]);
      windows[to_size(axis)].push_back({window.lo - source.lo[axis], window.hi - source.lo[axis]});
    }
  }
  return windows;
}

/// Turns sums over windows into table[mean rounded to half].
void look_up_means(Tile& sums, const Windows& windows, std::span<const float> table) {
  const auto length = [&](int axis, std::int64_t n) {
    const AreaWindow& window = windows[to_size(axis)][to_size(n)];
    return window.hi - window.lo;
  };
  for (std::int64_t i = 0; i < sums.size[0]; ++i) {
    for (std::int64_t j = 0; j < sums.size[1]; ++j) {
      float* row = sums.row(i, j);
      for (std::int64_t k = 0; k < sums.size[2]; ++k) {
        row[k] = table[to_half(row[k] / static_cast<float>(length(0, i) * length(1, j) * length(2, k)))];
      }
    }
  }
}

/// Calls f(offset in the patch, length) for each stretch of `part` that is contiguous in the patch.
template <class F>
void for_each_stretch(const Box& part, const Index3& patch, F&& f) {
  const Index3 size = part.size();
  const bool rows_join = size[2] == patch[2];
  const std::int64_t rows = rows_join ? size[1] : 1;
  for (std::int64_t i = part.lo[0]; i < part.hi[0]; ++i) {
    for (std::int64_t j = part.lo[1]; j < part.hi[1]; j += rows) {
      f((i * patch[1] + j) * patch[2] + part.lo[2], rows * size[2]);
    }
  }
}

/// `part` cut along `axis` into boxes of at most `length`.
template <class F>
void for_each_piece(const Box& part, int axis, std::int64_t length, F&& f) {
  for (std::int64_t lo = part.lo[axis]; lo < part.hi[axis]; lo += length) {
    Box piece = part;
    piece.lo[axis] = lo;
    piece.hi[axis] = std::min(lo + length, part.hi[axis]);
    f(piece);
  }
}

}  // namespace

/// Mostly one value is everywhere: of a slab of the patch, of a bar of it or of a tile of that.
void NetworkInput::shrink_channel(const Layers& layers, int channel, const Shrinking& shrinking, const Box& slab,
                                  std::span<float> out) const {
  if (fill_uniform(layers, channel, shrinking, slab, out)) return;
  for_each_piece(slab, 1, kTile, [&](const Box& bar) {
    if (fill_uniform(layers, channel, shrinking, bar, out)) return;
    for_each_piece(bar, 2, kTile, [&](const Box& tile) {
      if (!fill_uniform(layers, channel, shrinking, tile, out)) shrink_tile(layers, channel, shrinking, tile, out);
    });
  });
}

Box NetworkInput::region_of(int channel, const Shrinking& shrinking, const Box& part) const {
  const std::int64_t radius = widens(channel) ? shrinking.radius : 0;
  Box region = source_of(part, shrinking.box.size(), patch_, radius);
  for (int axis = 0; axis < 3; ++axis) {
    region.lo[axis] += shrinking.box.lo[axis];
    region.hi[axis] += shrinking.box.lo[axis];
  }
  return region;
}

bool NetworkInput::fill_uniform(const Layers& layers, int channel, const Shrinking& shrinking, const Box& part,
                                std::span<float> out) const {
  const Box region = region_of(channel, shrinking, part);
  std::optional<float> uniform;
  if (channel == model_.capabilities.prev_seg_channel) {
    if (const auto value = layers.previous.uniform_value(region)) uniform = *value ? 1.0f : 0.0f;
  } else if (const auto value = layers.prompts[to_size(channel)].uniform_value(region)) {
    uniform = shrinking.quotient[*value];
  }
  if (!uniform) return false;
  for_each_stretch(part, patch_,
                   [&](std::int64_t at, std::int64_t length) { std::fill_n(out.data() + at, length, *uniform); });
  return true;
}

void NetworkInput::shrink_tile(const Layers& layers, int channel, const Shrinking& shrinking, const Box& tile,
                               std::span<float> out) const {
  const bool is_previous = channel == model_.capabilities.prev_seg_channel;
  const std::int64_t radius = widens(channel) ? shrinking.radius : 0;
  const Index3 large = shrinking.box.size();
  const Box region = region_of(channel, shrinking, tile);
  const Windows windows = windows_of(tile, source_of(tile, large, patch_, radius), large, patch_);
  const auto sums = [&] {
    if (is_previous) {
      RecycledVector<std::uint8_t> voxels(to_size(region.volume()));
      layers.previous.read(region, voxels);
      return window_counts(voxels, region.size(), windows);
    }
    Tile values(region.size());
    layers.prompts[to_size(channel)].read(region, shrinking.exact, values.values);
    MarkedRows marked = marked_rows(values);
    if (radius > 0) widen(values, marked, radius);
    return window_sums(values, marked, windows);
  };
  Tile means = sums();
  look_up_means(means, windows, is_previous ? shrinking.exact : shrinking.quotient);
  const float* source = means.values.data();
  for_each_stretch(tile, patch_, [&](std::int64_t at, std::int64_t length) {
    std::copy_n(source, length, out.data() + at);
    source += length;
  });
}

}  // namespace sagittal::interact
