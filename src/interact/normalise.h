#pragma once
#include <span>

#include "base/buffer.h"
#include "base/thread_pool.h"
#include "volume/box.h"

namespace sagittal::interact {

/// (x - mean) / deviation of every voxel, as float32. Mean and unbiased standard deviation are those of the bounding
/// box of the voxels that are not zero: planes whose sum is zero are left out at both ends of each axis. The result
/// does not depend on the number of threads. Throws Error(bad_input) for an image that is all zero, constant or not
/// finite.
Buffer normalise(const Index3& shape, std::span<const float> voxels, ThreadPool& pool);
/// The same where the voxels lie; they are as before where it throws.
void normalise_in_place(const Index3& shape, std::span<float> voxels, ThreadPool& pool);

}  // namespace sagittal::interact
