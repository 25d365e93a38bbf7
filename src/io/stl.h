#pragma once
#include "base/bytes.h"
#include "volume/surface.h"

namespace sagittal::io {

/// A binary STL file in millimetres, LPS, as its header says: "SPACE=LPS", which 3D Slicer understands.
Bytes write_stl(const std::vector<Surface>& surfaces);

}  // namespace sagittal::io
