#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "volume/volume.h"

namespace sagittal {

/// 8-bit RGB, rows from top to bottom.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;
};

/// A prompt's place, to be marked: green where it includes, red where it excludes.
struct Marker {
  Index3 ijk{};
  bool include = true;
};

/// Axial, coronal and sagittal planes through the middle of `mask` (uint8, image's grid), side by side in radiological
/// orientation, `panel_height` pixels high, the mask in colour with its outline; markers drawn where they lie within
/// `kMarkerDistanceVoxels` of a plane. Grey values run from the 0.5 to the 99.5 percentile of the image.
Picture draw_planes(const Volume& image, std::span<const std::uint8_t> mask, std::span<const Marker> markers,
                    int panel_height);

inline constexpr std::int64_t kMarkerDistanceVoxels = 3;

}  // namespace sagittal
