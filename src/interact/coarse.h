#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "interact/mask_grid.h"
#include "interact/rules.h"

namespace sagittal::interact {

/// The network's answer on a patch, one byte per voxel, 0 or 1, C order.
using PatchMask = std::vector<std::uint8_t>;

/// 1 where the second of two logits is larger.
void decide(std::span<const float> logits, ThreadPool& pool, PatchMask& mask);

/// Whether the answer on the patch, which shows `box` of the image, differs so much from the previous segmentation on
/// one of its six faces that the object must continue beyond it.
bool reaches_border(const PatchMask& mask, const Index3& patch, const MaskGrid& previous, const Box& box, Rules rules);

/// The answer on `part` of the patch, as it is.
BitVolume pack(const PatchMask& mask, const Index3& patch, const Box& part, ThreadPool& pool);

/// The answer on the patch enlarged to `size` by trilinear interpolation, at least one half; of that the voxels of
/// `part`.
BitVolume enlarge(const PatchMask& mask, const Index3& patch, const Index3& size, const Box& part, ThreadPool& pool);

}  // namespace sagittal::interact
