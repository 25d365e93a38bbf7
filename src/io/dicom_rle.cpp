#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "io/byte_order.h"
#include "io/dicom_pixels.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kMaxSegments = 15;

struct Header {
  std::uint32_t segments = 0;
  std::array<std::uint32_t, kMaxSegments> offsets{};
};

Header read_header(ByteView frame, std::string_view what) {
  ByteReader reader(frame, what);
  Header header;
  header.segments = reader.read<std::uint32_t>();
  for (auto& offset : header.offsets) offset = reader.read<std::uint32_t>();
  return header;
}

/// Unpacks one segment into every `stride`-th byte of `out`; bytes beyond the plane are padding. False when it ends
/// early.
bool unpack(ByteView segment, std::span<std::uint8_t> out, std::size_t stride) {
  std::size_t at = 0;
  std::size_t to = 0;
  while (to < out.size() && at < segment.size()) {
    const int control = static_cast<std::int8_t>(segment[at++]);
    if (control == -128) continue;
    const bool literal = control >= 0;
    const std::size_t wanted = literal ? static_cast<std::size_t>(control) + 1 : 1;
    if (segment.size() - at < wanted) return false;
    const std::size_t length = literal ? wanted : static_cast<std::size_t>(1 - control);
    for (std::size_t i = 0; i < length && to < out.size(); ++i, to += stride) out[to] = segment[at + (literal ? i : 0)];
    at += wanted;
  }
  return to >= out.size();
}

}  // namespace

Bytes decode_rle(ByteView frame, const PixelFormat& format, std::string_view what) {
  const Header header = read_header(frame, what);
  const std::size_t planes = format.bits_allocated / 8;
  if (header.segments != planes) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {} RLE segments, expected {}", what, header.segments, planes));
  }
  Bytes out(format.frame_bytes());
  for (std::size_t plane = 0; plane < planes; ++plane) {
    const std::size_t begin = header.offsets[plane];
    const std::size_t end = plane + 1 < planes ? header.offsets[plane + 1] : frame.size();
    if (begin < kHeaderBytes || begin > end || end > frame.size()) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: RLE segment {} lies outside its frame", what, plane));
    }
    const std::size_t low_byte_first = planes - 1 - plane;
    if (!unpack(frame.subspan(begin, end - begin), std::span(out).subspan(low_byte_first), planes)) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: RLE segment {} ends before its pixels", what, plane));
    }
  }
  return out;
}

}  // namespace sagittal::io
