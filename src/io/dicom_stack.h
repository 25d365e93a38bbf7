#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "volume/geometry.h"

namespace sagittal::io {

/// Where one image plane lies. Lengths in millimetres, LPS, as DICOM has them.
struct Plane {
  std::optional<Vec3> position;  ///< centre of the first pixel
  Vec3 along_i{1, 0, 0};         ///< direction in which the column index grows
  Vec3 along_j{0, 1, 0};
  double spacing_i = 1, spacing_j = 1;
  double thickness = 1;    ///< distance to the next plane where positions do not say it
  std::int64_t order = 0;  ///< among planes at one position: time, acquisition, instance
};

/// Planes put in order: `frames[t][k]` is the index of the plane given, or kMissing.
struct Stack {
  static constexpr std::size_t kMissing = SIZE_MAX;
  Geometry geometry;
  std::vector<std::vector<std::size_t>> frames;
  std::size_t missing = 0;  ///< slices absent from each frame
  std::vector<std::string> warnings;
};

/// Sorts planes of one orientation along their normal (k grows with cross(i, j), so the grid is right-handed). Several
/// planes at each position become frames. Throws Error naming `what`: unsupported for gantry tilt and for uneven
/// distances, bad_input where positions have unequal numbers of planes; missing slices are counted, and an error
/// unless `allow_missing`.
Stack stack_planes(std::span<const Plane> planes, const Index3& size_ij, bool allow_missing, std::string_view what);

}  // namespace sagittal::io
