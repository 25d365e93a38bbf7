#pragma once
#include <cstdint>
#include <span>

namespace sagittal {

/// Overlap 2|A and B| / (|A| + |B|) of two masks of equal length, where any non-zero voxel belongs; 1 when both are
/// empty. Throws Error(bad_input) where the lengths differ.
double dice(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b);

}  // namespace sagittal
