#pragma once
#include <algorithm>

#include "volume/geometry.h"

namespace sagittal {

/// Half-open range of array indices [lo, hi) on three axes. Which axes is the user's: `interact` uses array order
/// (axis 0 slowest), everything with `ijk` in its name the index order of `Geometry`.
struct Box {
  Index3 lo{};
  Index3 hi{};

  Index3 size() const { return {hi[0] - lo[0], hi[1] - lo[1], hi[2] - lo[2]}; }
  bool empty() const { return hi[0] <= lo[0] || hi[1] <= lo[1] || hi[2] <= lo[2]; }
  /// Voxels inside; 0 when empty.
  std::int64_t volume() const { return empty() ? 0 : (hi[0] - lo[0]) * (hi[1] - lo[1]) * (hi[2] - lo[2]); }
  bool operator==(const Box&) const = default;
};

inline Box intersect(const Box& a, const Box& b) {
  Box out;
  for (int axis = 0; axis < 3; ++axis) {
    out.lo[axis] = std::max(a.lo[axis], b.lo[axis]);
    out.hi[axis] = std::min(a.hi[axis], b.hi[axis]);
  }
  return out;
}

/// The smallest box that holds both.
inline Box hull(const Box& a, const Box& b) {
  Box out;
  for (int axis = 0; axis < 3; ++axis) {
    out.lo[axis] = std::min(a.lo[axis], b.lo[axis]);
    out.hi[axis] = std::max(a.hi[axis], b.hi[axis]);
  }
  return out;
}

inline Box whole(const Index3& shape) { return {{0, 0, 0}, shape}; }

}  // namespace sagittal
