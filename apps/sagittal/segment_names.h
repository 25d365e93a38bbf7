#pragma once
#include <string>

#include "io/segmentation.h"

namespace sagittal {

/// io::name_segment; a name that is no term, and so gives no code, is said on standard error, with terms like it.
void name_segment_aloud(io::Segment& segment, const std::string& name);

}  // namespace sagittal
