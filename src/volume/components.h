#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "volume/geometry.h"

namespace sagittal {

enum class Connectivity {
  faces,  ///< 6 neighbours
  full,   ///< 26: faces, edges and corners
};

/// The connected parts of a mask [axis0, axis1, axis2], C order, in memory that grows with its surface.
class Components {
 public:
  /// Voxels [begin, end) of row (row / shape[1], row % shape[1]) that belong to one component.
  struct Run {
    std::int64_t row = 0;
    std::int64_t begin = 0, end = 0;
    std::int32_t component = 0;
  };

  /// Voxels equal to `value` belong.
  Components(std::span<const std::uint8_t> voxels, const Index3& shape, std::uint8_t value, Connectivity connectivity);

  /// In C order; components are numbered from 0 in the order of their first voxel.
  const std::vector<Run>& runs() const { return runs_; }
  /// Voxels of each component.
  const std::vector<std::int64_t>& sizes() const { return sizes_; }
  /// Whether each component has a voxel at the border of the array.
  std::vector<bool> touch_border() const;

 private:
  Index3 shape_;
  std::vector<Run> runs_;
  std::vector<std::int64_t> sizes_;
};

/// Sets the zeros that no path of face neighbours joins to the border, to 1.
void fill_holes(std::span<std::uint8_t> mask, const Index3& shape);

}  // namespace sagittal
