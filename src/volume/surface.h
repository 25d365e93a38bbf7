#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "volume/box.h"

namespace sagittal {

/// Triangles around the voxels of a mask: closed, seen from outside counter-clockwise.
struct Surface {
  std::vector<std::array<float, 3>> points_mm;  ///< LPS
  std::vector<std::array<std::uint32_t, 3>> triangles;
};

/// The surface between the voxels that are not zero and all others, by surface nets: a point for each eight neighbours
/// that are not alike, in the middle of the faces between them. `voxels` are those of `bounds_ijk`, i fastest; beyond
/// it there are none. Error(too_large) beyond `max_triangles`, before memory is taken for them.
Surface surface_of(std::span<const std::uint8_t> voxels, const Box& bounds_ijk, const Geometry& geometry,
                   std::size_t max_triangles);

}  // namespace sagittal
