#pragma once
#include "base/bytes.h"
#include "stream/frame.h"

namespace sagittal::server {

/// A frame as a PNG picture of at most `max_size` pixels a side: of a volume its middle slice; grey values other than
/// 8-bit from its smallest to its largest, labels in colours.
Bytes picture_of(const stream::Frame& frame, int max_size);

}  // namespace sagittal::server
