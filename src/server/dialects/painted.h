#pragma once
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/thread_pool.h"
#include "volume/box.h"
#include "volume/volume.h"

namespace sagittal::server {

/// What is painted in a mask on the image's grid, cropped to its bounding box.
struct Painted {
  Box bounds;                        ///< empty where nothing is painted
  std::vector<std::uint8_t> voxels;  ///< 0 or 1, of `bounds` in C order
};

/// Which values are paint. A scribble is the difference of two label maps: besides 1 it may hold -1, or 255 where it
/// is unsigned, for strokes that went away.
enum class Paint { nonzero, ones };

/// `mask` holds the values of a whole volume [axis0, axis1, axis2] in C order, at any alignment.
Painted find_painted(ScalarType type, ByteView mask, const Index3& shape, Paint paint, ThreadPool& pool);

}  // namespace sagittal::server
