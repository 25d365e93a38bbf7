#pragma once
#include <vector>

#include "stream/frame.h"
#include "volume/volume.h"

namespace sagittal::stream {

/// The voxels of a volume as a frame, not copied. Errors as of `check_frame`.
Frame frame_of(Volume volume);

/// A volume of each component of a frame.
std::vector<Volume> volumes_of(const Frame& frame);

}  // namespace sagittal::stream
