#pragma once
#include <span>

#include "volume/reconstruct.h"

namespace sagittal {

/// Fills `values` [k, j, i] where `hit` is 0, from where it is not; see HoleFilling. Error(bad_input) for sticks of
/// less than 2 or more than 1000 voxels, or none.
void fill_sticks(std::span<float> values, std::span<const std::uint8_t> hit, const Index3& size_ijk,
                 const HoleFilling& filling, ThreadPool& pool);

}  // namespace sagittal
