#include "interact/network_input.h"

#include <cmath>

#include "interact/raster.h"
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
  std::vector<float> values;

  float* row(std::int64_t i, std::int64_t j) { return values.data() + (i * size[1] + j) * size[2]; }
};

void raise_row(float* target, const float* other, std::int64_t count) {
  for (std::int64_t n = 0; n < count; ++n) target[n] = std::max(target[n], other[n]);
}

/// Maximum over the cube of side 2 * radius + 1, clipped to the tile.
void widen(Tile& tile, std::int64_t radius) {
  const std::int64_t n0 = tile.size[0], n1 = tile.size[1], n2 = tile.size[2];
  std::vector<float> source(to_size(n2));
  for (std::int64_t r = 0; r < n0 * n1; ++r) {
    float* row = tile.values.data() + r * n2;
    std::copy_n(row, n2, source.data());
    for (std::int64_t d = 1; d <= std::min(radius, n2 - 1); ++d) {
      raise_row(row, source.data() + d, n2 - d);
      raise_row(row + d, source.data(), n2 - d);
    }
  }
  const auto widen_rows = [&](float* first, std::int64_t rows, std::int64_t stride) {
    source.resize(to_size(rows * n2));
    for (std::int64_t r = 0; r < rows; ++r) std::copy_n(first + r * stride, n2, source.data() + r * n2);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t m = std::max<std::int64_t>(0, r - radius); m <= std::min(rows - 1, r + radius); ++m) {
        raise_row(first + r * stride, source.data() + m * n2, n2);
      }
    }
  };
  for (std::int64_t i = 0; i < n0; ++i) widen_rows(tile.row(i, 0), n1, n2);
  for (std::int64_t j = 0; j < n1; ++j) widen_rows(tile.row(0, j), n0, n1 * n2);
}

void add_row(float* target, const float* other, std::int64_t count) {
  for (std::int64_t n = 0; n < count; ++n) target[n] += other[n];
}

/// Sums of `tile` over windows[a] on each axis a, which are relative to the tile.
Tile window_sums(Tile tile, const std::array<std::vector<AreaWindow>, 3>& windows) {
  const Index3 out{std::ssize(windows[0]), std::ssize(windows[1]), std::ssize(windows[2])};
  Tile narrow{{tile.size[0], tile.size[1], out[2]}, {}};
  narrow.values.resize(to_size(whole(narrow.size).volume()));
  for (std::int64_t r = 0; r < tile.size[0] * tile.size[1]; ++r) {
    const float* source = tile.values.data() + r * tile.size[2];
    for (std::int64_t k = 0; k < out[2]; ++k) {
      float sum = 0;
      for (std::int64_t n = windows[2][to_size(k)].lo; n < windows[2][to_size(k)].hi; ++n) sum += source[n];
      narrow.values[to_size(r * out[2] + k)] = sum;
    }
  }
  Tile lower{{tile.size[0], out[1], out[2]}, std::vector<float>(to_size(tile.size[0] * out[1] * out[2]))};
  for (std::int64_t i = 0; i < tile.size[0]; ++i) {
    for (std::int64_t j = 0; j < out[1]; ++j) {
      const AreaWindow window = windows[1][to_size(j)];
      for (std::int64_t n = window.lo; n < window.hi; ++n) add_row(lower.row(i, j), narrow.row(i, n), out[2]);
    }
  }
  Tile sums{out, std::vector<float>(to_size(whole(out).volume()))};
  for (std::int64_t i = 0; i < out[0]; ++i) {
    const AreaWindow window = windows[0][to_size(i)];
    for (std::int64_t n = window.lo; n < window.hi; ++n) add_row(sums.row(i, 0), lower.row(n, 0), out[1] * out[2]);
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
  shrink_image(box, channel_of(out, 0));
  Index3 tiles;
  for (int axis = 0; axis < 3; ++axis) tiles[axis] = (patch_[axis] + kTile - 1) / kTile;
  const std::int64_t per_channel = whole(tiles).volume();
  const std::int64_t count = per_channel * model_.capabilities.num_interaction_channels;
  pool_.parallel_for(count, kPlaneGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const std::int64_t t = n % per_channel;
      const Index3 position{t / (tiles[1] * tiles[2]), t / tiles[2] % tiles[1], t % tiles[2]};
      Box tile;
      for (int axis = 0; axis < 3; ++axis) {
        tile.lo[axis] = position[axis] * kTile;
        tile.hi[axis] = std::min(patch_[axis], tile.lo[axis] + kTile);
      }
      const auto channel = static_cast<int>(n / per_channel);
      shrink_channel(layers, channel, shrinking, tile, channel_of(out, 1 + channel));
    }
  });
}

namespace {

/// What a tile of the patch is averaged from.
struct TileSource {
  Box region;                                      ///< in coordinates of the large box, widening included
  std::array<std::vector<AreaWindow>, 3> windows;  ///< per output of the tile, relative to the region
};

TileSource source_of(const Box& tile, const Index3& large, const Index3& patch, std::int64_t radius) {
  TileSource source;
  for (int axis = 0; axis < 3; ++axis) {
    const std::int64_t lo = area_window(tile.lo[axis], large[axis], patch[axis]).lo;
    const std::int64_t hi = area_window(tile.hi[axis] - 1, large[axis], patch[axis]).hi;
    source.region.lo[axis] = std::max<std::int64_t>(0, lo - radius);
    source.region.hi[axis] = std::min(large[axis], hi + radius);
    for (std::int64_t n = tile.lo[axis]; n < tile.hi[axis]; ++n) {
      const AreaWindow window = area_window(n, large[axis], patch[axis]);
      source.windows[to_size(axis)].push_back({window.lo - source.region.lo[axis], window.hi - source.region.lo[axis]});
    }
  }
  return source;
}

/// Turns sums over windows into table[mean rounded to half].
void look_up_means(Tile& sums, const std::array<std::vector<AreaWindow>, 3>& windows, std::span<const float> table) {
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

}  // namespace

void NetworkInput::shrink_channel(const Layers& layers, int channel, const Shrinking& shrinking, const Box& tile,
                                  std::span<float> out) const {
  const bool is_previous = channel == model_.capabilities.prev_seg_channel;
  const PromptGrid& prompts = layers.prompts[to_size(channel)];
  const std::int64_t radius = widens(channel) ? shrinking.radius : 0;
  const std::vector<float>& table = is_previous ? shrinking.exact : shrinking.quotient;
  const TileSource source = source_of(tile, shrinking.box.size(), patch_, radius);
  Box region = source.region;
  for (int axis = 0; axis < 3; ++axis) {
    region.lo[axis] += shrinking.box.lo[axis];
    region.hi[axis] += shrinking.box.lo[axis];
  }
  const auto store = [&](auto&& row_value) {
    const Index3 size = tile.size();
    for (std::int64_t i = 0; i < size[0]; ++i) {
      for (std::int64_t j = 0; j < size[1]; ++j) {
        float* row = out.data() + ((tile.lo[0] + i) * patch_[1] + tile.lo[1] + j) * patch_[2] + tile.lo[2];
        for (std::int64_t k = 0; k < size[2]; ++k) row[k] = row_value(i, j, k);
      }
    }
  };
  std::optional<float> uniform;
  if (is_previous) {
    if (const auto value = layers.previous.uniform_value(region)) uniform = *value ? 1.0f : 0.0f;
  } else if (const auto value = prompts.uniform_value(region)) {
    uniform = table[*value];
  }
  if (uniform) {
    store([&](std::int64_t, std::int64_t, std::int64_t) { return *uniform; });
    return;
  }
  Tile values{region.size(), std::vector<float>(to_size(region.volume()))};
  if (is_previous) {
    layers.previous.read(region, std::span(values.values));
  } else {
    prompts.read(region, shrinking.exact, values.values);
  }
  if (radius > 0) widen(values, radius);
  Tile means = window_sums(std::move(values), source.windows);
  look_up_means(means, source.windows, table);
  store([&](std::int64_t i, std::int64_t j, std::int64_t k) { return means.row(i, j)[k]; });
}

namespace {

/// A tap whose source may lie outside the image: then its index is the nearest voxel of the image and its weight 0.
struct ImageTap {
  std::array<std::int64_t, 2> index{};
  std::array<float, 2> weight{};
};

std::vector<ImageTap> image_taps(std::int64_t lo, std::int64_t size, std::int64_t patch, std::int64_t image_size) {
  std::vector<ImageTap> taps;
  for (const LinearTap& tap : linear_taps(size, patch)) {
    const std::array<std::int64_t, 2> at{lo + tap.index0, lo + tap.index1};
    const std::array<float, 2> weights{tap.weight0, tap.weight1};
    ImageTap& out = taps.emplace_back();
    for (std::size_t n = 0; n < 2; ++n) {
      out.index[n] = std::clamp<std::int64_t>(at[n], 0, image_size - 1);
      out.weight[n] = out.index[n] == at[n] ? weights[n] : 0.0f;
    }
  }
  return taps;
}

/// One row of the image blended along itself.
void shrink_row(const float* source, std::span<const ImageTap> taps, float* out) {
  const std::int64_t first = taps.front().index[0];
  for (std::size_t k = 0; k < taps.size(); ++k) {
    const ImageTap& tap = taps[k];
    out[k] = blend(tap.weight[0], source[tap.index[0] - first], tap.weight[1], source[tap.index[1] - first]);
  }
}

}  // namespace

void NetworkInput::shrink_image(const Box& box, std::span<float> out) const {
  const Index3 size = box.size();
  std::array<std::vector<ImageTap>, 3> taps;
  for (int axis = 0; axis < 3; ++axis) {
    taps[to_size(axis)] = image_taps(box.lo[axis], size[axis], patch_[axis], image_.shape()[axis]);
  }
  const std::int64_t first = taps[2].front().index[0], count = taps[2].back().index[1] + 1 - first;
  pool_.parallel_for(patch_[0] * patch_[1], 4 * kPlaneGrain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> source(to_size(count));
    std::array<std::vector<float>, 4> rows;
    for (auto& row : rows) row.resize(to_size(patch_[2]));
    for (std::int64_t n = begin; n < end; ++n) {
      const ImageTap& ti = taps[0][to_size(n / patch_[1])];
      const ImageTap& tj = taps[1][to_size(n % patch_[1])];
      for (std::size_t r = 0; r < rows.size(); ++r) {
        image_.read({ti.index[r / 2], tj.index[r % 2], first}, count, source.data());
        shrink_row(source.data(), taps[2], rows[r].data());
      }
      float* row = out.data() + n * patch_[2];
      for (std::size_t k = 0; k < to_size(patch_[2]); ++k) {
        const float front = blend(tj.weight[0], rows[0][k], tj.weight[1], rows[1][k]);
        const float back = blend(tj.weight[0], rows[2][k], tj.weight[1], rows[3][k]);
        row[k] = blend(ti.weight[0], front, ti.weight[1], back);
      }
    }
  });
}

}  // namespace sagittal::interact
