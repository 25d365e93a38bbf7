#include "segment/grid.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sagittal::segment {
namespace {

/// The axes of memory as [k, j, i].
Grid as_stored(const Geometry& geometry) {
  const Index3& size = geometry.size;
  return {{size[2], size[1], size[0]},
          {size[0] * size[1], size[0], 1},
          0,
          {geometry.spacing_mm[2], geometry.spacing_mm[1], geometry.spacing_mm[0]}};
}

/// Which index axis runs along each world axis: the assignment with the largest cosines, best one first.
std::array<std::size_t, 3> axes_along_world(const Mat3& direction) {
  std::array<std::size_t, 3> out{3, 3, 3};
  std::array<bool, 3> used{};
  for (int round = 0; round < 3; ++round) {
    std::size_t world = 0, index = 0;
    double best = -1;
    for (std::size_t w = 0; w < 3; ++w) {
      for (std::size_t a = 0; a < 3; ++a) {
        if (out[w] == 3 && !used[a] && std::abs(direction[w][a]) > best) {
          best = std::abs(direction[w][a]);
          world = w;
          index = a;
        }
      }
    }
    out[world] = index;
    used[index] = true;
  }
  return out;
}

}  // namespace

Grid grid_in_ras(const Geometry& geometry) {
  const Grid stored = as_stored(geometry);
  const auto along = axes_along_world(geometry.direction);
  Grid out;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::size_t world = 2 - axis;          // S, A, R are world axes z, y, x
    const std::size_t array = 2 - along[world];  // [k, j, i]
    const double towards = geometry.direction[world][along[world]];
    const bool reversed = (world == 2 ? towards : -towards) < 0;  // the world is LPS
    out.shape[axis] = stored.shape[array];
    out.spacing_mm[axis] = stored.spacing_mm[array];
    out.stride[axis] = reversed ? -stored.stride[array] : stored.stride[array];
    if (reversed) out.offset += (stored.shape[array] - 1) * stored.stride[array];
  }
  return out;
}

Grid Grid::cropped(const Box& box) const {
  Grid out = *this;
  out.shape = box.size();
  out.offset = at(box.lo[0], box.lo[1], box.lo[2]);
  return out;
}

Grid grid_of(const Geometry& geometry, const Plan& plan) {
  const Grid read = plan.reorient ? grid_in_ras(geometry) : as_stored(geometry);
  Grid out = read;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    out.shape[axis] = read.shape[plan.transpose[axis]];
    out.stride[axis] = read.stride[plan.transpose[axis]];
    out.spacing_mm[axis] = read.spacing_mm[plan.transpose[axis]];
  }
  return out;
}

}  // namespace sagittal::segment
