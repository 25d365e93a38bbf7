#pragma once
#include <vector>

#include "interact/random_walker.h"

namespace sagittal::interact {

/// Nearness of each voxel to the seeds of one kind along paths on which the grey value hardly changes: exp(-length /
/// 20) of the shortest path, 0 where there are no seeds. A step to one of the 6 neighbours is 1 + steepness *
/// difference of their values long, steepness >= 0. `seeds` has the size of `image`.
Field nearness(const Field& image, float steepness, const std::vector<Seed>& seeds, Seed kind);

}  // namespace sagittal::interact
