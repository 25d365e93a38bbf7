#include "segment/canonical.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::segment {
namespace {

constexpr double kMaxGridVoxels = 2147483648.0;

/// Copies the voxels of a grid into memory that runs along its axes.
template <class T>
Volume gather(std::span<const T> voxels, const Grid& grid, const Geometry& geometry) {
  Buffer out(static_cast<std::size_t>(geometry.voxel_count()) * sizeof(T));
  T* to = out.as<T>().data();
  for (std::int64_t a = 0; a < grid.shape[0]; ++a) {
    for (std::int64_t b = 0; b < grid.shape[1]; ++b) {
      for (std::int64_t c = 0; c < grid.shape[2]; ++c) *to++ = voxels[static_cast<std::size_t>(grid.at(a, b, c))];
    }
  }
  return Volume(geometry, scalar_type_of<T>(), std::move(out));
}

/// Of the canonical image.
Geometry geometry_of(const Grid& ras, const Geometry& original) {
  Geometry out;
  const std::array<std::int64_t, 3> strides{1, original.size[0], original.size[0] * original.size[1]};
  Vec3 first{};  // index of the canonical image's first voxel
  std::array<bool, 3> taken{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    std::size_t memory = 3;
    for (std::size_t m = 0; m < 3; ++m) {
      if (!taken[m] && std::abs(ras.stride[axis]) == strides[m] && ras.shape[axis] == original.size[m]) memory = m;
    }
    taken[memory] = true;
    const std::size_t index = 2 - axis;  // [S, A, R] are k, j, i
    const bool reversed = ras.stride[axis] < 0;
    out.size[index] = ras.shape[axis];
    out.spacing_mm[index] = original.spacing_mm[memory];
    if (reversed) first[memory] = static_cast<double>(original.size[memory] - 1);
    for (std::size_t row = 0; row < 3; ++row) {
      out.direction[row][index] = (reversed ? -1 : 1) * original.direction[row][memory];
    }
  }
  out.origin_mm = index_to_world(original, first);
  return out;
}

/// Where the outputs of `zoom` lie on an axis, and their two weights, as SciPy computes them.
struct Tap {
  std::int64_t low = 0, high = 0;
  double weight_low = 1, weight_high = 0;
  std::int64_t nearest = 0;
};
std::vector<Tap> taps(std::int64_t in, std::int64_t out) {
  const double zoom = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 1.0;
  std::vector<Tap> all(static_cast<std::size_t>(out));
  for (std::int64_t o = 0; o < out; ++o) {
    const double x = std::clamp(static_cast<double>(o) * zoom, 0.0, static_cast<double>(in - 1));
    Tap& tap = all[static_cast<std::size_t>(o)];
    tap.low = static_cast<std::int64_t>(std::floor(x));
    tap.high = std::min(tap.low + 1, in - 1);
    tap.weight_low = 1.0 - (x - std::floor(x));
    tap.weight_high = 1.0 - tap.weight_low;
    tap.nearest = std::min(static_cast<std::int64_t>(std::floor(x + 0.5)), in - 1);
  }
  return all;
}

std::int32_t whole_number(double value) {
  if (std::abs(value) <= 2147483647.0) return static_cast<std::int32_t>(value);
  throw Error(ErrorCode::bad_input, fmt::format("a voxel of {}, expected numbers that fit 32 bits", value));
}

template <class T>
Volume zoom_as(std::span<const T> voxels, const Geometry& from, const Geometry& to, ThreadPool& pool) {
  std::array<std::vector<Tap>, 3> along;
  for (std::size_t a = 0; a < 3; ++a) along[a] = taps(from.size[a], to.size[a]);
  const std::int64_t line = from.size[0], plane = line * from.size[1];
  Buffer out(static_cast<std::size_t>(to.voxel_count()) * sizeof(std::int32_t));
  const std::span<std::int32_t> values = out.as<std::int32_t>();
  pool.parallel_for(to.size[1] * to.size[2], 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      const Tap& y = along[1][static_cast<std::size_t>(n % to.size[1])];
      const Tap& z = along[2][static_cast<std::size_t>(n / to.size[1])];
      for (std::int64_t i = 0; i < to.size[0]; ++i) {
        const Tap& x = along[0][static_cast<std::size_t>(i)];
        double sum = 0;
        // x is SciPy's first axis and z its last, which runs fastest.
        for (const auto& [xi, xw] : {std::pair(x.low, x.weight_low), std::pair(x.high, x.weight_high)}) {
          for (const auto& [yi, yw] : {std::pair(y.low, y.weight_low), std::pair(y.high, y.weight_high)}) {
            for (const auto& [zi, zw] : {std::pair(z.low, z.weight_low), std::pair(z.high, z.weight_high)}) {
              sum += static_cast<double>(voxels[static_cast<std::size_t>(xi + yi * line + zi * plane)]) * xw * yw * zw;
            }
          }
        }
        values[static_cast<std::size_t>(n * to.size[0] + i)] = whole_number(sum);
      }
    }
  });
  return Volume(to, ScalarType::i32, std::move(out));
}

}  // namespace

Volume to_canonical(const Volume& image) {
  const Geometry& original = image.geometry();
  const Grid ras = grid_in_ras(original);
  const Geometry geometry = geometry_of(ras, original);
  if (geometry == original) return image;
  return visit_voxels(image, [&](const auto& voxels) { return gather(voxels, ras, geometry); });
}

Volume from_canonical(const Volume& labels, const Geometry& original) {
  const Grid ras = grid_in_ras(original);
  Buffer out(static_cast<std::size_t>(original.voxel_count()));
  const std::span<std::uint8_t> to = out.as<std::uint8_t>();
  const std::span<const std::uint8_t> from = labels.as<std::uint8_t>();
  std::size_t n = 0;
  for (std::int64_t a = 0; a < ras.shape[0]; ++a) {
    for (std::int64_t b = 0; b < ras.shape[1]; ++b) {
      for (std::int64_t c = 0; c < ras.shape[2]; ++c) to[static_cast<std::size_t>(ras.at(a, b, c))] = from[n++];
    }
  }
  return Volume(original, ScalarType::u8, std::move(out));
}

Volume zoom_to_spacing(const Volume& image, const Vec3& spacing_mm, ThreadPool& pool) {
  const Geometry& from = image.geometry();
  Geometry to = from;
  bool same = true;
  double voxels = 1;
  for (std::size_t a = 0; a < 3; ++a) {
    // NIfTI keeps spacings as float32, and that is what nibabel divides.
    const double have = static_cast<float>(from.spacing_mm[a]);
    same = same && have == spacing_mm[a];
    const double extent = std::nearbyint(static_cast<double>(from.size[a]) * (have / spacing_mm[a]));
    voxels *= std::max(extent, 1.0);
    if (!(extent >= 1) || !(voxels <= kMaxGridVoxels)) {
      throw Error(extent >= 1 ? ErrorCode::too_large : ErrorCode::bad_input,
                  fmt::format("an image of {} voxels would have {} voxels along axis {} at {} mm",
                              describe_shape(from.size), extent, a, spacing_mm[a]));
    }
    to.size[a] = static_cast<std::int64_t>(extent);
    to.spacing_mm[a] = spacing_mm[a];
  }
  if (same) return image;
  return visit_voxels(image, [&](const auto& values) { return zoom_as(values, from, to, pool); });
}

Volume zoom_labels(const Volume& labels, const Geometry& target) {
  const Geometry& from = labels.geometry();
  if (from.size == target.size) {
    const std::span<const std::uint8_t> same = labels.as<std::uint8_t>();
    return make_volume<std::uint8_t>(target, same);
  }
  std::array<std::vector<Tap>, 3> along;
  for (std::size_t a = 0; a < 3; ++a) along[a] = taps(from.size[a], target.size[a]);
  const std::span<const std::uint8_t> values = labels.as<std::uint8_t>();
  Buffer out(static_cast<std::size_t>(target.voxel_count()));
  std::uint8_t* to = out.as<std::uint8_t>().data();
  for (const Tap& z : along[2]) {
    for (const Tap& y : along[1]) {
      const std::int64_t row = (z.nearest * from.size[1] + y.nearest) * from.size[0];
      for (const Tap& x : along[0]) *to++ = values[static_cast<std::size_t>(row + x.nearest)];
    }
  }
  return Volume(target, ScalarType::u8, std::move(out));
}

Volume truncated(const Volume& image) {
  return visit_voxels(image, [&](const auto& voxels) {
    Buffer out(voxels.size() * sizeof(std::int32_t));
    std::transform(voxels.begin(), voxels.end(), out.as<std::int32_t>().begin(),
                   [](auto value) { return whole_number(static_cast<double>(value)); });
    return Volume(image.geometry(), ScalarType::i32, std::move(out));
  });
}

Volume cropped(const Volume& image, const Box& box_ijk) {
  const Geometry& from = image.geometry();
  Geometry geometry = from;
  geometry.size = box_ijk.size();
  Vec3 first{};
  for (std::size_t a = 0; a < 3; ++a) first[a] = static_cast<double>(box_ijk.lo[a]);
  geometry.origin_mm = index_to_world(from, first);
  const std::int64_t line = from.size[0], plane = line * from.size[1];
  const Grid grid{{geometry.size[2], geometry.size[1], geometry.size[0]},
                  {plane, line, 1},
                  box_ijk.lo[2] * plane + box_ijk.lo[1] * line + box_ijk.lo[0],
                  {}};
  return visit_voxels(image, [&](const auto& voxels) { return gather(voxels, grid, geometry); });
}

}  // namespace sagittal::segment
