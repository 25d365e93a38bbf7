#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "volume/volume.h"

namespace sagittal::io {

/// How a file stores its voxels behind the header.
enum class Encoding { raw, gzip, zlib, ascii };

/// What the header of a file says: where its voxels lie in the patient, and where and how in the file. The parsers
/// (nifti.h, nrrd.h, metaimage.h) fill it from a stranger's bytes; nothing in it is trusted before `read_voxels`.
struct ImageHeader {
  std::string format;                ///< "NIfTI-1", "NRRD", "MetaImage"
  Geometry geometry;                 ///< of one volume
  ScalarType type = ScalarType::u8;  ///< as stored
  std::int64_t frames = 1;           ///< volumes in the file: time points, components
  bool frames_fastest = false;       ///< the frames of one voxel lie together
  bool big_endian = false;
  double slope = 1;  ///< value = slope * stored + intercept
  double intercept = 0;
  Encoding encoding = Encoding::raw;
  std::string data_file;                     ///< beside the header; empty: in the same file
  std::uint64_t data_offset = 0;             ///< of the first stored byte, in the file that holds the voxels
  std::uint64_t skipped_lines = 0;           ///< text lines to pass over before `data_offset` counts
  bool data_at_end = false;                  ///< raw voxels are the last bytes of the file, whatever precedes them
  std::uint64_t unpacked_offset = 0;         ///< of the first voxel, once unpacked
  std::optional<std::uint64_t> packed_size;  ///< compressed bytes; absent: up to the end of the file
};

/// Bytes of one volume and of all frames, or Error(too_large) beyond kMaxVoxels values.
std::uint64_t frame_bytes(const ImageHeader& header, std::string_view what);
std::uint64_t stored_bytes(const ImageHeader& header, std::string_view what);

/// The voxels of one frame. `file` is the whole file that holds them. Errors name `what`: bad_input for truncated,
/// damaged or contradictory data, too_large beyond `max_bytes` of unpacked voxels, wrong_usage for several frames and
/// no choice, not_found for a frame that is not there.
Volume read_voxels(const ImageHeader& header, ByteView file, std::optional<std::int64_t> frame, std::uint64_t max_bytes,
                   std::string_view what);

/// Geometry of a grid whose index axis a steps by columns[*][a] millimetres (LPS). A zero third column, as 2D files
/// have, becomes the normal of the other two. Error(bad_input | unsupported) unless the axes are at right angles.
Geometry geometry_from_columns(const Index3& size, const Mat3& columns, const Vec3& origin_mm, std::string_view what);

/// The inverse: direction times spacing.
Mat3 columns_of(const Geometry& geometry);

/// slope * voxel + intercept. Whole-numbered slope and intercept keep an integer type, the smallest of int16, uint16,
/// int32 that holds all values; otherwise float32, or float64 where the voxels have 32 bits or more.
Volume rescale(const Volume& volume, double slope, double intercept);

}  // namespace sagittal::io
