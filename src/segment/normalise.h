#pragma once
#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "segment/plan.h"

namespace sagittal::segment {

/// Normalises one channel in place, as its plan says. `mask` has one value per voxel, 0 or 1, or is empty where the
/// plan needs none. Sums are made in fixed parts, so the result does not depend on the threads. Throws
/// Error(bad_input) for RGB values outside [0, 255].
void normalise(std::span<float> voxels, const ChannelPlan& plan, std::span<const std::uint8_t> mask, ThreadPool& pool);

}  // namespace sagittal::segment
