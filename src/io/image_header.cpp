#include "io/image_header.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/byte_order.h"
#include "io/gzip.h"
#include "volume/visit_scalar.h"

namespace sagittal::io {
namespace {

constexpr std::uint64_t kTolerated = 64 << 10;  // bytes that some writers leave behind the voxels

[[noreturn]] void throw_too_short(std::string_view what, std::uint64_t expected, std::uint64_t found) {
  throw Error(ErrorCode::bad_input,
              fmt::format("{}: truncated, its header declares {} bytes of voxels, found {}", what, expected, found));
}

std::int64_t chosen_frame(const ImageHeader& header, std::optional<std::int64_t> frame, std::string_view what) {
  if (!frame && header.frames == 1) return 0;
  const std::string range =
      fmt::format("it holds {} volume{}, numbered from 0", header.frames, header.frames == 1 ? "" : "s");
  if (!frame) throw Error(ErrorCode::wrong_usage, fmt::format("{}: choose a frame: {}", what, range));
  if (*frame >= 0 && *frame < header.frames) return *frame;
  throw Error(ErrorCode::not_found, fmt::format("{}: no frame {}: {}", what, *frame, range));
}

/// The bytes behind the header, as stored.
ByteView stored_part(const ImageHeader& header, ByteView file, std::string_view what) {
  ByteReader reader(file, what);
  if (header.data_at_end) {
    const std::uint64_t size = stored_bytes(header, what);
    if (size > file.size()) throw_too_short(what, size, file.size());
    reader.seek(file.size() - size);
    return reader.take(size);
  }
  for (std::uint64_t line = 0; line < header.skipped_lines; ++line) {
    const auto end = as_text(file).find('\n', reader.offset());
    if (end == std::string_view::npos)
      throw Error(ErrorCode::bad_input, fmt::format("{}: fewer lines than its line skip", what));
    reader.seek(end + 1);
  }
  if (header.data_offset > reader.remaining()) throw_too_short(what, stored_bytes(header, what), 0);
  reader.seek(reader.offset() + header.data_offset);
  return reader.take(header.packed_size.value_or(reader.remaining()));
}

template <class T>
void parse_numbers(std::string_view text, std::span<T> out, std::string_view what) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto is_separator = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ','; };
  for (T& value : out) {
    at = std::find_if_not(at, end, is_separator);
    std::from_chars_result result{};
    if constexpr (std::is_floating_point_v<T>) {
      result = std::from_chars(at, end, value);
    } else {
      double real = 0;  // integers may be written as 3.0
      result = std::from_chars(at, end, value);
      if (result.ec == std::errc() && result.ptr != end && *result.ptr == '.') {
        result = std::from_chars(at, end, real);
        if (real != static_cast<double>(value)) result.ec = std::errc::invalid_argument;
      }
    }
    if (result.ec != std::errc() || (result.ptr != end && !is_separator(*result.ptr))) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: value {} of {} in its text is missing or no number of its type", what,
                              &value - out.data(), out.size()));
    }
    at = result.ptr;
  }
}

Buffer parse_ascii(const ImageHeader& header, ByteView stored, std::string_view what) {
  const std::uint64_t bytes = stored_bytes(header, what);
  const std::uint64_t values = bytes / size_of(header.type);
  if (stored.size() / 2 + 1 < values) throw_too_short(what, values, stored.size());  // "0 0 0": two bytes a value
  Buffer out(bytes);
  visit_scalar(header.type, [&](auto zero) { parse_numbers(as_text(stored), out.as<decltype(zero)>(), what); });
  return out;
}

/// One frame out of all frames' bytes, as an owner.
Buffer copy_frame(const ImageHeader& header, ByteView all, std::int64_t frame, std::string_view what) {
  const std::uint64_t bytes = frame_bytes(header, what);
  Buffer out(bytes);
  if (!header.frames_fastest || header.frames == 1) {
    std::memcpy(out.data(), all.data() + static_cast<std::uint64_t>(frame) * bytes, bytes);
    return out;
  }
  const std::size_t width = size_of(header.type);
  const std::size_t step = width * static_cast<std::size_t>(header.frames);
  const std::uint8_t* from = all.data() + static_cast<std::size_t>(frame) * width;
  for (std::size_t at = 0; at < bytes; at += width, from += step) std::memcpy(out.data() + at, from, width);
  return out;
}

Buffer take_frame(const ImageHeader& header, Buffer all, std::uint64_t offset, std::int64_t frame,
                  std::string_view what) {
  const std::uint64_t size = stored_bytes(header, what);
  if (all.size() < offset || all.size() - offset < size)
    throw_too_short(what, size, all.size() - std::min(all.size(), offset));
  if (header.frames > 1) return copy_frame(header, all.as<const std::uint8_t>().subspan(offset), frame, what);
  if (offset > 0) std::memmove(all.data(), all.data() + offset, size);
  all.truncate(size);
  return all;
}

Buffer read_frame(const ImageHeader& header, ByteView file, std::int64_t frame, std::string_view what) {
  const std::uint64_t size = stored_bytes(header, what);
  const ByteView stored = stored_part(header, file, what);
  switch (header.encoding) {
    case Encoding::raw:
      if (stored.size() < size) throw_too_short(what, size, stored.size());
      return copy_frame(header, stored, frame, what);
    case Encoding::gzip: {
      const std::uint64_t offset = header.unpacked_offset;
      if (offset > SIZE_MAX - size - kTolerated) throw_too_short(what, size, 0);
      return take_frame(header, gunzip(stored, offset + size + kTolerated, what), offset, frame, what);
    }
    case Encoding::zlib:
      return take_frame(header, zlib_decompress(stored, size, what), 0, frame, what);
    case Encoding::ascii:
      break;
  }
  return take_frame(header, parse_ascii(header, stored, what), 0, frame, what);
}

template <class Out, class In>
Volume convert(const Volume& volume, std::span<const In> voxels, double slope, double intercept) {
  Buffer out(voxels.size() * sizeof(Out));
  std::transform(voxels.begin(), voxels.end(), out.as<Out>().begin(), [=](In v) {
    if constexpr (std::is_integral_v<Out>) {
      return static_cast<Out>(static_cast<std::int64_t>(v) * static_cast<std::int64_t>(slope) +
                              static_cast<std::int64_t>(intercept));
    } else {
      return static_cast<Out>(static_cast<double>(v) * slope + intercept);
    }
  });
  return Volume(volume.geometry(), scalar_type_of<Out>(), std::move(out));
}

template <class Out>
bool holds(double lo, double hi) {
  return lo >= static_cast<double>(std::numeric_limits<Out>::min()) &&
         hi <= static_cast<double>(std::numeric_limits<Out>::max());
}

template <class In>
Volume rescale_as(const Volume& volume, std::span<const In> voxels, double slope, double intercept) {
  const bool whole = slope == std::round(slope) && intercept == std::round(intercept);
  if constexpr (std::is_integral_v<In>) {
    const auto [least, most] = std::minmax_element(voxels.begin(), voxels.end());
    const auto ends =
        std::minmax({static_cast<double>(*least) * slope + intercept, static_cast<double>(*most) * slope + intercept});
    const bool small = std::abs(slope) <= INT32_MAX && std::abs(intercept) <= INT32_MAX &&
                       holds<std::int32_t>(static_cast<double>(*least), static_cast<double>(*most));
    if (whole && small) {
      if (holds<std::int16_t>(ends.first, ends.second)) return convert<std::int16_t>(volume, voxels, slope, intercept);
      if (holds<std::uint16_t>(ends.first, ends.second))
        return convert<std::uint16_t>(volume, voxels, slope, intercept);
      if (holds<std::int32_t>(ends.first, ends.second)) return convert<std::int32_t>(volume, voxels, slope, intercept);
    }
  }
  if constexpr (sizeof(In) <= 2 || std::is_same_v<In, float>) return convert<float>(volume, voxels, slope, intercept);
  return convert<double>(volume, voxels, slope, intercept);
}

Vec3 cross(const Mat3& m, int a, int b) {
  return {m[1][a] * m[2][b] - m[2][a] * m[1][b], m[2][a] * m[0][b] - m[0][a] * m[2][b],
          m[0][a] * m[1][b] - m[1][a] * m[0][b]};
}

void check_right_angles(const Mat3& m, std::string_view what) {
  for (const auto& [a, b] : {std::pair{0, 1}, {0, 2}, {1, 2}}) {
    const double cosine = m[0][a] * m[0][b] + m[1][a] * m[1][b] + m[2][a] * m[2][b];
    if (std::abs(cosine) <= kDirectionTolerance || std::isnan(cosine)) continue;
    constexpr double kDegrees = 57.29577951308232;
    throw Error(
        ErrorCode::unsupported,
        fmt::format("{}: its axes {} and {} are sheared by {:.2f} degrees, expected right angles; resample the image "
                    "onto a regular grid first",
                    what, a, b, std::abs(std::asin(std::clamp(cosine, -1.0, 1.0))) * kDegrees));
  }
}

}  // namespace

std::uint64_t frame_bytes(const ImageHeader& header, std::string_view what) {
  std::uint64_t voxels = 1;
  for (const std::int64_t size : header.geometry.size) {
    if (size < 1) throw Error(ErrorCode::bad_input, fmt::format("{}: a size of {} voxels", what, size));
    voxels = checked_product(voxels, static_cast<std::uint64_t>(size), what);
  }
  if (voxels > static_cast<std::uint64_t>(kMaxVoxels)) {
    throw Error(ErrorCode::too_large, fmt::format("{}: {} voxels, the limit is {}", what, voxels, kMaxVoxels));
  }
  return voxels * size_of(header.type);
}

std::uint64_t stored_bytes(const ImageHeader& header, std::string_view what) {
  if (header.frames < 1) throw Error(ErrorCode::bad_input, fmt::format("{}: {} frames", what, header.frames));
  const std::uint64_t bytes =
      checked_product(frame_bytes(header, what), static_cast<std::uint64_t>(header.frames), what);
  if (bytes / size_of(header.type) > static_cast<std::uint64_t>(kMaxVoxels)) {
    throw Error(ErrorCode::too_large,
                fmt::format("{}: {} bytes of voxels in all frames, the limit is {} voxels", what, bytes, kMaxVoxels));
  }
  return bytes;
}

Volume read_voxels(const ImageHeader& header, ByteView file, std::optional<std::int64_t> frame, std::uint64_t max_bytes,
                   std::string_view what) {
  const std::uint64_t size = stored_bytes(header, what);
  if (size > max_bytes) {
    throw Error(ErrorCode::too_large, fmt::format("{}: {} bytes of voxels, the limit is {}", what, size, max_bytes));
  }
  Buffer voxels = read_frame(header, file, chosen_frame(header, frame, what), what);
  if (header.big_endian && header.encoding != Encoding::ascii) {
    swap_byte_order({voxels.data(), voxels.size()}, size_of(header.type));
  }
  return rescale(Volume(header.geometry, header.type, std::move(voxels)), header.slope, header.intercept);
}

Geometry geometry_from_columns(const Index3& size, const Mat3& columns, const Vec3& origin_mm, std::string_view what) {
  Mat3 m = columns;
  Geometry geometry{size, {}, origin_mm, {}};
  const auto column_length = [&m](int c) { return std::hypot(m[0][c], m[1][c], m[2][c]); };
  if (size[2] == 1 && column_length(2) == 0) {
    const double area = column_length(0) * column_length(1);
    const Vec3 normal = cross(m, 0, 1);
    for (int r = 0; r < 3; ++r) m[r][2] = normal[r] / area;
  }
  for (int c = 0; c < 3; ++c) {
    geometry.spacing_mm[c] = column_length(c);
    for (int r = 0; r < 3; ++r) geometry.direction[r][c] = m[r][c] / geometry.spacing_mm[c] + 0.0;  // no -0
  }
  check_right_angles(geometry.direction, what);
  check_geometry(geometry, std::string(what));
  return geometry;
}

Mat3 columns_of(const Geometry& geometry) {
  Mat3 columns = geometry.direction;
  for (auto& row : columns) {
    for (int c = 0; c < 3; ++c) row[c] *= geometry.spacing_mm[c];
  }
  return columns;
}

Volume rescale(const Volume& volume, double slope, double intercept) {
  if (slope == 1 && intercept == 0) return volume;
  return visit_voxels(volume, [&](auto voxels) {
    return rescale_as<typename decltype(voxels)::value_type>(volume, voxels, slope, intercept);
  });
}

}  // namespace sagittal::io
