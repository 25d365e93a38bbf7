#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "volume/volume.h"

namespace sagittal::io {

/// An array of NumPy: `data` is C-ordered in native byte order, so axis 0 is the slowest. NumPy's bool is u8 of 0 and 1
/// with `is_bool` set.
struct NpyArray {
  ScalarType type = ScalarType::u8;
  bool is_bool = false;
  std::vector<std::int64_t> shape;
  Buffer data;
};

/// An array of NumPy where it lies in its file: C-ordered, little-endian, of any alignment. NumPy's bool is u8 with any
/// value but 0 for true.
struct NpyView {
  ScalarType type = ScalarType::u8;
  bool is_bool = false;
  std::vector<std::int64_t> shape;
  ByteView bytes;
};

bool looks_like_npy(ByteView start);

/// Reads a whole .npy file, formats 1 to 3, C or Fortran order, either byte order; nothing in it is executed. Nothing
/// is allocated beyond the size of `file`. Throws Error naming `what`: bad_input for forged, truncated or trailing
/// bytes, unsupported for strings, complex, float16, objects and records, too_large beyond kMaxVoxels.
NpyArray read_npy(ByteView file, std::string_view what);

/// The same without a copy; empty where one is needed: Fortran order, big-endian numbers. Errors as for read_npy.
std::optional<NpyView> view_npy(ByteView file, std::string_view what);

/// Format 1.0, C order. `data` holds the values of `shape`, axis 0 slowest.
Bytes write_npy(ScalarType type, std::span<const std::int64_t> shape, std::span<const std::byte> data);

}  // namespace sagittal::io
