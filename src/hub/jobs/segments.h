#pragma once
#include <vector>

#include "hub/jobs/work.h"
#include "io/segmentation.h"

namespace sagittal::hub {

/// The segments of a file that was read back: ids by their codes, volumes by their voxels; fractions count in part.
std::vector<OutputSegment> output_segments(const io::Segmentation& segmentation);

}  // namespace sagittal::hub
