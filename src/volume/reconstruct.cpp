#include "volume/reconstruct.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "volume/hole_filling.h"

namespace sagittal {
namespace {

constexpr double kMostMillimetres = 1e6;    // poses and origins beyond are none
constexpr double kLeastMillimetres = 1e-6;  // a voxel: with the above, indices fit 64 bits

void check_size(const Geometry& geometry) {
  double voxels = 1;
  for (const std::int64_t size : geometry.size) voxels *= static_cast<double>(size);
  if (voxels > static_cast<double>(kMaxReconstruction)) {
    throw Error(ErrorCode::too_large,
                fmt::format("a volume of {} voxels; a wider spacing makes it smaller", describe_shape(geometry.size)));
  }
}

/// The rectangle with its size said. Error(bad_input) where it does not lie in the frame.
ClipRectangle inside(const ClipRectangle& clip, std::int64_t width, std::int64_t height) {
  ClipRectangle out = clip;
  if (clip.width == 0 && clip.height == 0) {
    out.width = width - clip.x;
    out.height = height - clip.y;
  }
  const auto lies = [](std::int64_t begin, std::int64_t size, std::int64_t whole) {
    return begin >= 0 && size >= 1 && begin < whole && size <= whole - begin;
  };
  if (!lies(out.x, out.width, width) || !lies(out.y, out.height, height)) {
    throw Error(ErrorCode::bad_input, fmt::format("clip rectangle {}, {} of {} x {} in a frame of {} x {}", clip.x,
                                                  clip.y, clip.width, clip.height, width, height));
  }
  return out;
}

void check_pose(const Affine& pose) {
  for (std::size_t r = 0; r < 3; ++r) {
    bool fits = std::abs(pose.offset[r]) <= kMostMillimetres;
    for (const double value : pose.matrix[r]) fits = fits && std::abs(value) <= kMostMillimetres;
    if (!fits) throw Error(ErrorCode::bad_input, "a pose beyond a kilometre, or with numbers that are not finite");
  }
}

Affine world_to_index(const Geometry& g) {
  Affine affine;
  for (std::size_t a = 0; a < 3; ++a) {
    for (std::size_t r = 0; r < 3; ++r) affine.matrix[a][r] = g.direction[r][a] / g.spacing_mm[a];
  }
  const Vec3 origin = affine(g.origin_mm);
  affine.offset = {-origin[0], -origin[1], -origin[2]};
  return affine;
}

/// One voxel: the sum of weight * value, or the value itself; weight 0: not hit.
struct Cell {
  float value = 0, weight = 0;

  void add(float added, float by) {
    value += by * added;
    weight += by;
  }
};

using Voxel = std::array<std::int64_t, 3>;

struct Target {
  Cell* cells;
  Index3 size;

  bool holds(const Voxel& at) const {
    return at[0] >= 0 && at[0] < size[0] && at[1] >= 0 && at[1] < size[1] && at[2] >= 0 && at[2] < size[2];
  }
  /// With all neighbours behind it.
  bool holds_eight(const Voxel& at) const {
    return at[0] >= 0 && at[0] < size[0] - 1 && at[1] >= 0 && at[1] < size[1] - 1 && at[2] >= 0 && at[2] < size[2] - 1;
  }
  Cell* at(const Voxel& v) const { return cells + (v[2] * size[1] + v[1]) * size[0] + v[0]; }
};

/// As std::floor, without a call; coordinates fit, for poses and spacings are checked.
std::int64_t floor_of(double x) {
  const auto whole = static_cast<std::int64_t>(x);
  return whole - (static_cast<double>(whole) > x ? 1 : 0);
}

void paste_nearest(const Target& target, const Vec3& at, float value, float weight, Compounding compounding) {
  const Voxel voxel{floor_of(at[0] + 0.5), floor_of(at[1] + 0.5), floor_of(at[2] + 0.5)};
  if (!target.holds(voxel)) return;
  Cell& cell = *target.at(voxel);
  if (compounding == Compounding::mean || compounding == Compounding::importance) return cell.add(value, weight);
  const bool larger = compounding == Compounding::maximum && cell.weight != 0 && cell.value > value;
  cell = {larger ? cell.value : value, 1};
}

void paste_linear(const Target& target, const Vec3& at, float value, float weight) {
  const Voxel low{floor_of(at[0]), floor_of(at[1]), floor_of(at[2])};
  const auto x = static_cast<float>(at[0] - static_cast<double>(low[0]));
  const auto y = static_cast<float>(at[1] - static_cast<double>(low[1]));
  const auto z = static_cast<float>(at[2] - static_cast<double>(low[2]));
  const std::array shares{(1 - y) * (1 - z) * weight, y * (1 - z) * weight, (1 - y) * z * weight, y * z * weight};
  if (target.holds_eight(low)) {
    Cell* cell = target.at(low);
    const std::int64_t row = target.size[0], slice = row * target.size[1];
    const std::array places{cell, cell + row, cell + slice, cell + slice + row};
    for (std::size_t n = 0; n < 4; ++n) {
      places[n][0].add(value, shares[n] * (1 - x));
      places[n][1].add(value, shares[n] * x);
    }
    return;
  }
  for (std::int64_t corner = 0; corner < 8; ++corner) {
    const Voxel voxel{low[0] + (corner & 1), low[1] + (corner >> 1 & 1), low[2] + (corner >> 2)};
    const float share = shares[static_cast<std::size_t>(corner >> 1)] * ((corner & 1) != 0 ? x : 1 - x);
    if (share > 0 && target.holds(voxel)) target.at(voxel)->add(value, share);
  }
}

std::span<const Cell> cells_of(const Buffer& buffer) { return buffer.as<Cell>(); }

}  // namespace

Reconstruction::Reconstruction(const Geometry& geometry, ReconstructionOptions options)
    : geometry_(geometry), options_(std::move(options)) {
  check_geometry(geometry_, "the reconstructed volume");
  check_size(geometry_);
  for (std::size_t a = 0; a < 3; ++a) {
    const double spacing = geometry_.spacing_mm[a], origin = geometry_.origin_mm[a];
    if (spacing < kLeastMillimetres || std::abs(origin) > kMostMillimetres) {
      throw Error(ErrorCode::bad_input, fmt::format("voxels of {} mm at {} mm", spacing, origin));
    }
  }
  if (options_.compounding == Compounding::importance && options_.importance.empty()) {
    throw Error(ErrorCode::bad_input, "compounding by importance needs the importance of each pixel");
  }
  for (const float value : options_.importance) {
    if (!(value >= 0) || !std::isfinite(value)) {
      throw Error(ErrorCode::bad_input, "importance has to be 0 or more");
    }
  }
  world_to_index_ = world_to_index(geometry_);
  cells_ = Buffer(static_cast<std::size_t>(geometry_.voxel_count()) * sizeof(Cell));
  clear();
}

void Reconstruction::clear() {
  const auto cells = cells_.as<Cell>();
  std::fill(cells.begin(), cells.end(), Cell{});
  frames_ = 0;
}

template <class T>
void Reconstruction::paste(const ImageView<const T>& frame, const Affine& image_to_world) {
  if (frame.channels != 1) {
    throw Error(ErrorCode::bad_input, fmt::format("a frame of {} channels, expected 1", frame.channels));
  }
  check_pose(image_to_world);
  const ClipRectangle clip = inside(options_.clip, frame.width, frame.height);
  const bool weighted = options_.compounding == Compounding::importance;
  if (weighted && options_.importance.size() != static_cast<std::size_t>(frame.width * frame.height)) {
    throw Error(ErrorCode::bad_input, fmt::format("importance of {} pixels for a frame of {} x {}",
                                                  options_.importance.size(), frame.width, frame.height));
  }
  const bool linear = options_.linear && (weighted || options_.compounding == Compounding::mean);
  const float lowest = options_.reject_below.value_or(-std::numeric_limits<float>::infinity());
  const Affine to_index = world_to_index_ * image_to_world;
  const Target target{cells_.as<Cell>().data(), geometry_.size};
  for (std::int64_t y = clip.y; y < clip.y + clip.height; ++y) {
    const T* row = frame.row(y);
    const float* importance = weighted ? options_.importance.data() + y * frame.width : nullptr;
    const Vec3 start = to_index({0, static_cast<double>(y), 0});
    for (std::int64_t x = clip.x; x < clip.x + clip.width; ++x) {
      const auto value = static_cast<float>(row[x]);
      const float weight = weighted ? importance[x] : 1.0F;
      if (!(value >= lowest) || weight == 0 || !std::isfinite(value)) continue;
      const auto step = static_cast<double>(x);
      const Vec3 at{start[0] + step * to_index.matrix[0][0], start[1] + step * to_index.matrix[1][0],
                    start[2] + step * to_index.matrix[2][0]};
      if (linear) {
        paste_linear(target, at, value, weight);
      } else {
        paste_nearest(target, at, value, weight, options_.compounding);
      }
    }
  }
  ++frames_;
}

void Reconstruction::add(const ImageView<const std::uint8_t>& frame, const Affine& image_to_world) {
  paste(frame, image_to_world);
}
void Reconstruction::add(const ImageView<const float>& frame, const Affine& image_to_world) {
  paste(frame, image_to_world);
}

Volume Reconstruction::snapshot(ScalarType type, const std::optional<HoleFilling>& holes, ThreadPool& pool) const {
  if (type != ScalarType::u8 && type != ScalarType::f32) {
    throw Error(ErrorCode::bad_input, fmt::format("a reconstruction as {}, expected uint8 or float32", name_of(type)));
  }
  const auto cells = cells_of(cells_);
  const bool averaged = options_.compounding == Compounding::mean || options_.compounding == Compounding::importance;
  Buffer values(cells.size() * sizeof(float));
  const auto out = values.as<float>();
  std::transform(cells.begin(), cells.end(), out.begin(), [averaged](const Cell& cell) {
    return cell.weight == 0 ? 0.0F : averaged ? cell.value / cell.weight : cell.value;
  });
  if (holes) {
    Buffer hit(cells.size());
    const auto flags = hit.as<std::uint8_t>();
    std::transform(cells.begin(), cells.end(), flags.begin(), [](const Cell& cell) { return cell.weight != 0; });
    fill_sticks(out, flags, geometry_.size, *holes, pool);
  }
  if (type == ScalarType::f32) return {geometry_, type, std::move(values)};
  Buffer bytes(out.size());
  std::transform(out.begin(), out.end(), bytes.as<std::uint8_t>().begin(), [](float value) {
    return static_cast<std::uint8_t>(std::clamp(std::floor(value + 0.5F), 0.0F, 255.0F));
  });
  return {geometry_, type, std::move(bytes)};
}

double Reconstruction::coverage() const {
  const auto cells = cells_of(cells_);
  const auto hit = std::count_if(cells.begin(), cells.end(), [](const Cell& cell) { return cell.weight != 0; });
  return static_cast<double>(hit) / static_cast<double>(cells.size());
}

Geometry bounds_of(std::span<const Affine> image_to_world, std::int64_t width, std::int64_t height,
                   const ClipRectangle& clip, const Vec3& spacing_mm) {
  const ClipRectangle rectangle = inside(clip, width, height);
  if (image_to_world.empty()) throw Error(ErrorCode::bad_input, "no frame with a valid pose");
  Vec3 low, high;
  low.fill(std::numeric_limits<double>::infinity());
  high.fill(-std::numeric_limits<double>::infinity());
  for (const Affine& pose : image_to_world) {
    check_pose(pose);
    for (const std::int64_t x : {rectangle.x, rectangle.x + rectangle.width - 1}) {
      for (const std::int64_t y : {rectangle.y, rectangle.y + rectangle.height - 1}) {
        const Vec3 corner = pose({static_cast<double>(x), static_cast<double>(y), 0});
        for (std::size_t a = 0; a < 3; ++a) {
          low[a] = std::min(low[a], corner[a]);
          high[a] = std::max(high[a], corner[a]);
        }
      }
    }
  }
  Geometry geometry;
  geometry.spacing_mm = spacing_mm;
  geometry.origin_mm = low;
  for (std::size_t a = 0; a < 3; ++a) {
    const double voxels = std::ceil((high[a] - low[a]) / spacing_mm[a]);
    if (!(spacing_mm[a] > 0) || !(voxels <= static_cast<double>(kMaxReconstruction))) {
      throw Error(spacing_mm[a] > 0 ? ErrorCode::too_large : ErrorCode::bad_input,
                  fmt::format("spacing {} mm for {} mm", spacing_mm[a], high[a] - low[a]));
    }
    geometry.size[a] = std::max<std::int64_t>(1, static_cast<std::int64_t>(voxels));
  }
  check_geometry(geometry, "the reconstructed volume");
  check_size(geometry);
  return geometry;
}

}  // namespace sagittal
