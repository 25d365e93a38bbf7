#pragma once
#include <array>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "io/npy.h"
#include "server/dialects/painted.h"
#include "volume/box.h"
#include "volume/stored_voxels.h"

namespace sagittal::server {

/// Arrays and coordinates as the first Slicer protocol sends them; everything in array order (k, j, i). All throw
/// Error(bad_input | unsupported | too_large) with a sentence for the person in front of 3D Slicer.

/// A .npy file read where it lies; what its view points into must outlive it.
class NpyFile {
 public:
  NpyFile(ByteView file, std::string_view what);
  /// Keeps `file`.
  NpyFile(Buffer file, std::string_view what);

  const io::NpyView& view() const { return view_; }

  /// The values; `owner` keeps alive what the file was read from.
  StoredVoxels release(std::shared_ptr<const void> owner) &&;

 private:
  void read(ByteView file, std::string_view what);
  Buffer file_;
  io::NpyArray copy_;  // of what cannot be read in place
  io::NpyView view_;
};

/// Shape [k, j, i] of an image. Colour and vector volumes arrive with a fourth axis and are refused.
Index3 image_shape(const io::NpyView& array);

/// A gzipped .npy file on the grid of an image of that shape.
NpyFile read_mask_file(ByteView compressed, const Index3& shape);
Painted find_painted(const io::NpyView& mask, Paint paint, ThreadPool& pool);
/// The whole mask as bytes 0 and 1; empty where nothing is set.
Buffer to_whole_mask(const io::NpyView& mask, ThreadPool& pool);

/// `object[key]`: three numbers.
std::array<double, 3> parse_coordinate(const Json& object, const char* key);
/// Two corners, inclusive, in any order, perhaps off by one or sticking out, to a half-open box inside the image. A
/// box that was meant to lie in one slice, but is up to three thick, is put there where `flat` asks for it.
Box parse_box(const std::array<double, 3>& one, const std::array<double, 3>& other, const Index3& shape, bool flat);

}  // namespace sagittal::server
