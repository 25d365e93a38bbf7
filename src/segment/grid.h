#pragma once
#include <array>

#include "segment/plan.h"
#include "volume/box.h"

namespace sagittal::segment {

/// The voxels of an image in the order of the network's axes: element (a, b, c) of the grid is voxel
/// offset + a stride[0] + b stride[1] + c stride[2] in memory.
struct Grid {
  Index3 shape{};
  std::array<std::int64_t, 3> stride{};
  std::int64_t offset = 0;
  Vec3 spacing_mm{};

  std::int64_t at(std::int64_t a, std::int64_t b, std::int64_t c) const {
    return offset + a * stride[0] + b * stride[1] + c * stride[2];
  }
  /// The part of it inside `box`.
  Grid cropped(const Box& box) const;
};

/// Axes that run to the patient's superior, anterior and right, as far as whole axes can.
Grid grid_in_ras(const Geometry& geometry);

/// The grid that a plan's reader and transposition make of an image.
Grid grid_of(const Geometry& geometry, const Plan& plan);

}  // namespace sagittal::segment
