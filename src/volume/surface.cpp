#include "volume/surface.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {

/// The voxels of a box with an empty border around them.
class Voxels {
 public:
  Voxels(std::span<const std::uint8_t> voxels, const Index3& size) : voxels_(voxels), size_(size) {}

  const Index3& size() const { return size_; }
  bool at(const Index3& p) const {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      if (p[axis] < 0 || p[axis] >= size_[axis]) return false;
    }
    return voxels_[static_cast<std::size_t>((p[2] * size_[1] + p[1]) * size_[0] + p[0])] != 0;
  }

 private:
  std::span<const std::uint8_t> voxels_;
  Index3 size_;
};

/// Calls `f(p, axis, inside)` for each pair of neighbours p and p + axis that are not alike, the border included;
/// `inside`: the first is set. In order of the slice of the first.
template <class F>
void for_each_face(const Voxels& voxels, F&& f) {
  const Index3& size = voxels.size();
  for (std::int64_t k = -1; k < size[2]; ++k) {
    for (std::int64_t j = -1; j < size[1]; ++j) {
      for (std::int64_t i = -1; i < size[0]; ++i) {
        const bool here = voxels.at({i, j, k});
        for (std::size_t axis = 0; axis < 3; ++axis) {
          Index3 next{i, j, k};
          ++next[axis];
          if (voxels.at(next) != here) f(Index3{i, j, k}, axis, here);
        }
      }
    }
  }
}

/// The mean of the midpoints of a cell's edges whose ends are not alike. The cell's corners are `cell` to `cell + 1`.
Vec3 point_in(const Voxels& voxels, const Index3& cell) {
  Vec3 sum{};
  int count = 0;
  for (unsigned corner = 0; corner < 8; ++corner) {
    const auto offset = [&](unsigned axis) { return static_cast<std::int64_t>(corner >> axis & 1); };
    const Index3 here{cell[0] + offset(0), cell[1] + offset(1), cell[2] + offset(2)};
    for (unsigned axis = 0; axis < 3; ++axis) {
      if (offset(axis) != 0) continue;
      Index3 next = here;
      ++next[axis];
      if (voxels.at(here) == voxels.at(next)) continue;
      for (unsigned a = 0; a < 3; ++a) sum[a] += static_cast<double>(here[a]) + (a == axis ? 0.5 : 0.0);
      ++count;
    }
  }
  for (double& value : sum) value /= count;
  return sum;
}

/// Points of the cells of two neighbouring slices, made when first asked for.
class Points {
 public:
  Points(const Voxels& voxels, const Box& bounds, const Geometry& geometry, Surface& surface)
      : voxels_(voxels), bounds_(bounds), geometry_(geometry), surface_(surface) {
    const Index3& size = voxels.size();
    for (auto& layer : layers_) layer.assign(static_cast<std::size_t>((size[0] + 1) * (size[1] + 1)), kNone);
  }

  /// Cells run from -1; slices must be asked for in order, and at most one back.
  std::uint32_t of(const Index3& cell) {
    while (newest_ < cell[2]) {
      std::swap(layers_[0], layers_[1]);
      std::fill(layers_[1].begin(), layers_[1].end(), kNone);
      ++newest_;
    }
    auto& layer = layers_[cell[2] == newest_ ? 1 : 0];
    std::uint32_t& index = layer[static_cast<std::size_t>((cell[1] + 1) * (voxels_.size()[0] + 1) + cell[0] + 1)];
    if (index != kNone) return index;
    Vec3 point = point_in(voxels_, cell);
    for (std::size_t a = 0; a < 3; ++a) point[a] += static_cast<double>(bounds_.lo[a]);
    const Vec3 world = index_to_world(geometry_, point);
    index = static_cast<std::uint32_t>(surface_.points_mm.size());
    surface_.points_mm.push_back(
        {static_cast<float>(world[0]), static_cast<float>(world[1]), static_cast<float>(world[2])});
    return index;
  }

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  const Voxels& voxels_;
  const Box& bounds_;
  const Geometry& geometry_;
  Surface& surface_;
  std::int64_t newest_ = -1;
  std::array<std::vector<std::uint32_t>, 2> layers_;
};

}  // namespace

Surface surface_of(std::span<const std::uint8_t> voxels, const Box& bounds_ijk, const Geometry& geometry,
                   std::size_t max_triangles) {
  if (static_cast<std::int64_t>(voxels.size()) != bounds_ijk.volume()) {
    throw Error(ErrorCode::bad_input,
                fmt::format("surface: {} voxels, expected {}", voxels.size(), bounds_ijk.volume()));
  }
  Surface surface;
  if (bounds_ijk.empty()) return surface;
  const Voxels mask(voxels, bounds_ijk.size());
  std::size_t faces = 0;
  for_each_face(mask, [&](const Index3&, std::size_t, bool) { ++faces; });
  if (2 * faces > max_triangles) {
    throw Error(ErrorCode::too_large,
                fmt::format("the surface has {} triangles, at most {} are made", 2 * faces, max_triangles));
  }
  surface.triangles.reserve(2 * faces);
  Points points(mask, bounds_ijk, geometry, surface);
  const bool mirrored = determinant(geometry.direction) < 0;
  for_each_face(mask, [&](const Index3& p, std::size_t axis, bool inside) {
    // The four cells around the edge from p to its neighbour, counter-clockwise about that axis.
    const std::size_t u = (axis + 1) % 3, v = (axis + 2) % 3;
    std::array<std::uint32_t, 4> corner{};
    constexpr std::array<std::array<std::int64_t, 2>, 4> around{{{-1, -1}, {0, -1}, {0, 0}, {-1, 0}}};
    for (std::size_t n = 0; n < 4; ++n) {
      Index3 cell = p;
      cell[u] += around[n][0];
      cell[v] += around[n][1];
      corner[n] = points.of(cell);
    }
    if (inside == mirrored) std::swap(corner[1], corner[3]);
    surface.triangles.push_back({corner[0], corner[1], corner[2]});
    surface.triangles.push_back({corner[0], corner[2], corner[3]});
  });
  return surface;
}

}  // namespace sagittal
