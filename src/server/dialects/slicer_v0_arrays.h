#pragma once
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "io/npy.h"
#include "volume/box.h"

namespace sagittal::server {

/// Arrays and coordinates as the first Slicer protocol sends them; everything in array order (k, j, i). All throw
/// Error(bad_input | unsupported | too_large) with a sentence for the person in front of 3D Slicer.

/// Shape [k, j, i] of an image. Colour and vector volumes arrive with a fourth axis and are refused.
Index3 image_shape(const io::NpyArray& array);
std::vector<float> to_float(const io::NpyArray& array, ThreadPool& pool);

/// What is painted in a mask on the image's grid, cropped to its bounding box.
struct Painted {
  Box bounds;                        ///< empty where nothing is painted
  std::vector<std::uint8_t> voxels;  ///< 0 or 1, of `bounds` in C order
};

/// Which values are paint. A scribble is the difference of two label maps: besides 1 it may hold -1, or 255 where it
/// is unsigned, for strokes that went away.
enum class Paint { nonzero, ones };

/// A gzipped .npy file on the grid of an image of that shape.
io::NpyArray read_mask_file(ByteView compressed, const Index3& shape);
Painted find_painted(const io::NpyArray& mask, Paint paint, ThreadPool& pool);
/// The whole mask as 0 and 1.
std::vector<std::uint8_t> to_whole_mask(const io::NpyArray& mask, ThreadPool& pool);

/// `object[key]`: three numbers.
std::array<double, 3> parse_coordinate(const Json& object, const char* key);
/// Two corners, inclusive, in any order, perhaps off by one or sticking out, to a half-open box inside the image. A
/// box that was meant to lie in one slice, but is up to three thick, is put there where `flat` asks for it.
Box parse_box(const std::array<double, 3>& one, const std::array<double, 3>& other, const Index3& shape, bool flat);

}  // namespace sagittal::server
