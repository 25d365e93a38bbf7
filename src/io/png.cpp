#include "io/png.h"

#include <libdeflate.h>

#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "io/gzip.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kChannels = 3;
constexpr int kMaxSide = 1 << 20;

void append_u32(Bytes& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

void append_chunk(Bytes& out, std::string_view type, ByteView data) {
  append_u32(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), data.begin(), data.end());
  append_u32(out, libdeflate_crc32(0, out.data() + begin, out.size() - begin));
}

/// Each row behind a filter byte 1: every value less the one a pixel to its left.
Bytes filtered_rows(std::size_t width, std::size_t height, std::span<const std::uint8_t> rgb) {
  const std::size_t stride = width * kChannels;
  Bytes rows;
  rows.reserve((stride + 1) * height);
  for (std::size_t y = 0; y < height; ++y) {
    const auto row = rgb.subspan(y * stride, stride);
    rows.push_back(1);
    for (std::size_t x = 0; x < stride; ++x) {
      rows.push_back(static_cast<std::uint8_t>(row[x] - (x < kChannels ? 0 : row[x - kChannels])));
    }
  }
  return rows;
}

}  // namespace

Bytes encode_png(int width, int height, std::span<const std::uint8_t> rgb) {
  const bool sized = width > 0 && height > 0 && width <= kMaxSide && height <= kMaxSide;
  if (!sized || rgb.size() != kChannels * static_cast<std::size_t>(width) * static_cast<std::size_t>(height)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("a picture of {}x{} pixels with {} values", width, height, rgb.size()));
  }
  Bytes header;
  append_u32(header, static_cast<std::uint32_t>(width));
  append_u32(header, static_cast<std::uint32_t>(height));
  header.insert(header.end(), {8, 2, 0, 0, 0});  // 8 bits, RGB, deflate, filters, not interlaced
  Bytes file{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  append_chunk(file, "IHDR", header);
  constexpr int kSmall = 9;
  append_chunk(
      file, "IDAT",
      zlib_compress(filtered_rows(static_cast<std::size_t>(width), static_cast<std::size_t>(height), rgb), kSmall));
  append_chunk(file, "IEND", {});
  return file;
}

void write_png(const std::filesystem::path& path, int width, int height, std::span<const std::uint8_t> rgb) {
  write_file_atomically(path, encode_png(width, height, rgb));
}

}  // namespace sagittal::io
