#include "stream/igtl/image.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/igtl/wire.h"

namespace sagittal::igtl {
namespace {

constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kCodecBytes = 4;

Coordinates read_coordinates(WireReader& reader) {
  const auto number = reader.number<std::uint8_t>();
  if (number != 1 && number != 2) reader.refuse(fmt::format("coordinates {}, expected 1 (RAS) or 2 (LPS)", number));
  return static_cast<Coordinates>(number);
}

ByteOrder read_byte_order(WireReader& reader) {
  const auto number = reader.number<std::uint8_t>();
  if (number != 1 && number != 2) reader.refuse(fmt::format("byte order {}, expected 1 (big) or 2 (little)", number));
  return static_cast<ByteOrder>(number);
}

void check_part(const WireReader& reader, const ImageFrame& frame) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (frame.size[axis] == 0) reader.refuse("an axis without voxels");
    if (frame.part_offset[axis] + frame.part_size[axis] > frame.size[axis]) {
      reader.refuse("its part lies outside the image");
    }
  }
}

void read_grid(WireReader& reader, ImageFrame& frame) {
  frame.size = reader.numbers<std::uint16_t, 3>();
  frame.matrix = reader.numbers<float, 12>();
  frame.part_offset = reader.numbers<std::uint16_t, 3>();
  frame.part_size = reader.numbers<std::uint16_t, 3>();
  check_part(reader, frame);
}

void write_grid(WireWriter& writer, const ImageFrame& frame) {
  writer.numbers(frame.size).numbers(frame.matrix).numbers(frame.part_offset).numbers(frame.part_size);
}

double length(const Vec3& v) { return std::hypot(v[0], v[1], v[2]); }

Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}

/// Times spacing. One that is missing stands upright on the others, or is the unit one.
std::array<Vec3, 3> axes_of(const ImageFrame& frame) {
  std::array<Vec3, 3> axes{};
  for (std::size_t n = 0; n < 9; ++n) {
    const double entry = static_cast<double>(frame.matrix[n]);
    if (!(std::abs(entry) < 1e9)) throw Error(ErrorCode::bad_input, "OpenIGTLink: an image whose matrix is not finite");
    axes[n / 3][n % 3] = entry;
  }
  for (std::size_t n = 0; n < 3; ++n) {
    if (length(axes[n]) > 0) continue;
    const Vec3 upright = cross(axes[(n + 1) % 3], axes[(n + 2) % 3]);
    const double size = length(upright);
    for (std::size_t row = 0; row < 3; ++row) axes[n][row] = size > 0 ? upright[row] / size : (row == n ? 1 : 0);
  }
  return axes;
}

}  // namespace

std::size_t bytes_of(Scalar scalar) {
  switch (scalar) {
    case Scalar::int8:
    case Scalar::uint8:
      return 1;
    case Scalar::int16:
    case Scalar::uint16:
      return 2;
    case Scalar::int32:
    case Scalar::uint32:
    case Scalar::float32:
      return 4;
    case Scalar::float64:
      return 8;
    case Scalar::complex:
      return 16;
  }
  return 0;
}

Scalar scalar_from(std::uint8_t number) {
  const auto scalar = static_cast<Scalar>(number);
  if (bytes_of(scalar) == 0) throw Error(ErrorCode::bad_input, fmt::format("there is no type of numbers {}", number));
  return scalar;
}

Geometry geometry_of(const ImageFrame& frame) {
  std::array<Vec3, 3> axes = axes_of(frame);
  const bool is_ras = frame.coordinates == Coordinates::ras;
  Geometry out;
  for (std::size_t row = 0; row < 3; ++row) {
    double corner = static_cast<double>(frame.matrix[9 + row]);
    const double sign = is_ras && row < 2 ? -1 : 1;
    for (std::size_t axis = 0; axis < 3; ++axis) {
      corner -= axes[axis][row] * (frame.size[axis] - 1) / 2;
      out.size[axis] = frame.size[axis];
      out.spacing_mm[axis] = length(axes[axis]);
      out.direction[row][axis] = sign * axes[axis][row] / out.spacing_mm[axis];
    }
    if (!(std::abs(corner) < 1e12)) throw Error(ErrorCode::bad_input, "OpenIGTLink: an image that is nowhere");
    out.origin_mm[row] = sign * corner;
  }
  return out;
}

ImageFrame frame_of(const Geometry& geometry) {
  ImageFrame out;
  Vec3 centre = geometry.origin_mm;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (geometry.size[axis] < 1 || geometry.size[axis] > std::numeric_limits<std::uint16_t>::max()) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("OpenIGTLink carries at most 65535 voxels an axis, found {}", geometry.size[axis]));
    }
    out.size[axis] = static_cast<std::uint16_t>(geometry.size[axis]);
    for (std::size_t row = 0; row < 3; ++row) {
      const double step = geometry.direction[row][axis] * geometry.spacing_mm[axis];
      centre[row] += step * static_cast<double>(geometry.size[axis] - 1) / 2;
      out.matrix[3 * axis + row] = static_cast<float>(row < 2 ? -step : step);
    }
  }
  for (std::size_t row = 0; row < 3; ++row) {
    out.matrix[9 + row] = static_cast<float>(row < 2 ? -centre[row] : centre[row]);
  }
  out.part_size = out.size;
  return out;
}

std::uint64_t Image::part_bytes() const {
  const Size3& n = frame.part_size;
  return std::uint64_t{n[0]} * n[1] * n[2] * components * bytes_of(scalar);  // below 2^60
}

Image read_image_head(ByteView head) {
  WireReader reader(head, "OpenIGTLink IMAGE");
  if (const auto format = reader.number<std::uint16_t>(); format != kFormat) {
    reader.refuse(fmt::format("format {}, expected 1", format));
  }
  Image out;
  out.components = reader.number<std::uint8_t>();
  if (out.components == 0) reader.refuse("a voxel without components");
  out.scalar = scalar_from(reader.number<std::uint8_t>());
  out.byte_order = read_byte_order(reader);
  out.frame.coordinates = read_coordinates(reader);
  read_grid(reader, out.frame);
  return out;
}

Image read_image(ByteView content) {
  Image out = read_image_head(content);
  WireReader reader(content.subspan(kImageHeadBytes), "OpenIGTLink IMAGE");
  out.voxels = reader.take(out.part_bytes());
  reader.expect_end();
  return out;
}

Bytes write_image_head(const Image& image) {
  WireWriter writer;
  writer.number(kFormat)
      .number(image.components)
      .number(static_cast<std::uint8_t>(image.scalar))
      .number(static_cast<std::uint8_t>(image.byte_order))
      .number(static_cast<std::uint8_t>(image.frame.coordinates));
  write_grid(writer, image.frame);
  return writer.finish();
}

Video read_video(ByteView content) {
  WireReader reader(content, "OpenIGTLink VIDEO");
  if (const auto format = reader.number<std::uint16_t>(); format != kFormat) {
    reader.refuse(fmt::format("format {}, expected 1", format));
  }
  Video out;
  out.byte_order = read_byte_order(reader);
  out.codec = reader.text(kCodecBytes);
  const auto kind = reader.number<std::uint16_t>();
  out.is_grey = kind > 0xFF;
  out.frame_kind = static_cast<std::uint8_t>(out.is_grey ? kind >> 8 : kind);
  out.frame.coordinates = read_coordinates(reader);
  read_grid(reader, out.frame);
  out.stream = reader.rest();
  return out;
}

Bytes write_video_head(const Video& video) {
  WireWriter writer;
  writer.number(kFormat)
      .number(static_cast<std::uint8_t>(video.byte_order))
      .text(video.codec, kCodecBytes)
      .number(static_cast<std::uint16_t>(video.is_grey ? video.frame_kind << 8 : video.frame_kind))
      .number(static_cast<std::uint8_t>(video.frame.coordinates));
  write_grid(writer, video.frame);
  return writer.finish();
}

}  // namespace sagittal::igtl
