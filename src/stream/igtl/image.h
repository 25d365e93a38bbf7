#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "volume/geometry.h"

namespace sagittal::igtl {

/// Numbers as IMAGE, NDARRAY and others name them.
enum class Scalar : std::uint8_t {
  int8 = 2,
  uint8 = 3,
  int16 = 4,
  uint16 = 5,
  int32 = 6,
  uint32 = 7,
  float32 = 10,
  float64 = 11,
  complex = 13,  ///< of NDARRAY only: two float64
};
std::size_t bytes_of(Scalar scalar);
/// Error(bad_input) for a number that names none.
Scalar scalar_from(std::uint8_t number);

using Size3 = std::array<std::uint16_t, 3>;

/// The upper three rows of a matrix, column by column: the three axes, then the translation; millimetres.
using Matrix = std::array<float, 12>;

enum class Coordinates : std::uint8_t { ras = 1, lps = 2 };
enum class ByteOrder : std::uint8_t { big = 1, little = 2 };

/// What VIDEO and IMAGE say of their grid. `matrix`: axes times spacing; its last column is the centre of the volume.
struct ImageFrame {
  Coordinates coordinates = Coordinates::ras;
  Size3 size{1, 1, 1};
  Matrix matrix{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0};
  Size3 part_offset{0, 0, 0};
  Size3 part_size{1, 1, 1};  ///< what this message brings of it
};

/// As a grid in LPS with its origin in the first voxel. An axis of length zero, as careless senders send it, becomes
/// the unit one. Error(bad_input) for what is not finite.
Geometry geometry_of(const ImageFrame& frame);
/// The whole grid in RAS, which is what 3D Slicer reads whatever the message says. Error(bad_input) where an axis has
/// more than 65535 voxels.
ImageFrame frame_of(const Geometry& geometry);

/// IMAGE: voxels, i fastest, components of a voxel together.
struct Image {
  std::uint8_t components = 1;
  Scalar scalar = Scalar::uint8;
  ByteOrder byte_order = ByteOrder::little;  ///< of the voxels
  ImageFrame frame;
  ByteView voxels;  ///< of the part

  std::uint64_t part_bytes() const;
};
/// `voxels` is a view into `content`. Error(bad_input), also where the voxels are fewer or more than the part has.
Image read_image(ByteView content);
/// Of its first 72 bytes, without voxels.
inline constexpr std::size_t kImageHeadBytes = 72;
Image read_image_head(ByteView head);
/// The voxels follow.
Bytes write_image_head(const Image& image);

/// VIDEO: one frame as a codec made it.
struct Video {
  std::string codec = "I420";   ///< four characters
  std::uint8_t frame_kind = 0;  ///< 1: a key frame; see the codec
  bool is_grey = false;
  ByteOrder byte_order = ByteOrder::little;
  ImageFrame frame;
  ByteView stream;
};
inline constexpr std::size_t kVideoHeadBytes = 76;
Video read_video(ByteView content);
Bytes write_video_head(const Video& video);

}  // namespace sagittal::igtl
