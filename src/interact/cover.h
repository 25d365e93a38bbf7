#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "volume/bit_volume.h"

namespace sagittal::interact {

/// Which of `count` leftover voxels, in C order, to try as a patch's centre: in [0, count).
using LeftoverPick = std::function<std::int64_t(std::int64_t count)>;

/// A repeatable sequence of picks that are spread like uniform random ones. Pick n is a fixed fraction of `count`, so
/// that one voxel more or less moves it by at most one place.
LeftoverPick make_leftover_pick();

/// How far the part of a patch that counts as refined stays away from its faces.
Index3 cover_margin(const Index3& patch);

/// Patches of size `patch` whose inner parts, `margin` away from every face, together hold all set voxels of `needed`.
/// Greedy: of a coarse grid of set voxels, the first with the most uncovered voxels around it; what is left over is
/// covered from voxels chosen by `pick`. Boxes are in the coordinates of `needed` and may leave it.
std::vector<Box> cover(const BitVolume& needed, const Index3& patch, const Index3& margin, const LeftoverPick& pick);

}  // namespace sagittal::interact
