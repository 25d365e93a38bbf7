#include "io/gzip.h"

#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kSmallestMember = 20;      // header, empty block, checksum, size
constexpr std::size_t kLargestExpansion = 1032;  // of one deflate byte

struct FreeDecompressor {
  void operator()(libdeflate_decompressor* d) const { libdeflate_free_decompressor(d); }
};
struct FreeCompressor {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};
using Decompressor = std::unique_ptr<libdeflate_decompressor, FreeDecompressor>;
using Compressor = std::unique_ptr<libdeflate_compressor, FreeCompressor>;

Decompressor make_decompressor() {
  Decompressor decompressor(libdeflate_alloc_decompressor());
  if (!decompressor) throw std::bad_alloc();
  return decompressor;
}

[[noreturn]] void throw_damaged(std::string_view what) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: the compressed data is damaged or truncated", what));
}

/// Room for the output so far and one more member: its trailer's word where that is possible, else a first guess.
std::size_t first_capacity(ByteView member, std::size_t used, std::size_t limit) {
  std::uint32_t declared = 0;  // of the last member, modulo 4 GiB
  std::memcpy(&declared, member.data() + member.size() - sizeof(declared), sizeof(declared));
  const bool possible = declared / kLargestExpansion <= member.size();
  const std::size_t guess = possible ? declared : member.size() * 4;
  const std::size_t room =
      std::max(guess, used);  // members beyond the first double the room, lest many cost a copy each
  return room < limit - used ? used + room : limit;
}

/// Output of all members so far; `size` of the buffer's bytes are used.
struct Output {
  Buffer buffer;
  std::size_t size = 0;

  void reserve(std::size_t capacity) {
    if (capacity <= buffer.size()) return;
    Buffer larger(capacity);
    std::copy_n(buffer.data(), size, larger.data());
    buffer = std::move(larger);
  }
};

/// Unpacks the member at the start of `rest` behind `output`; returns the bytes it took.
std::size_t unpack_member(libdeflate_decompressor& decompressor, ByteView rest, std::size_t limit, Output& output,
                          std::string_view what) {
  if (output.size == output.buffer.size()) output.reserve(first_capacity(rest, output.size, limit));
  while (true) {
    std::size_t taken = 0, made = 0;
    std::byte none{};  // libdeflate wants an address even for no room
    std::byte* out = output.buffer.size() == 0 ? &none : output.buffer.data() + output.size;
    const auto result = libdeflate_gzip_decompress_ex(&decompressor, rest.data(), rest.size(), out,
                                                      output.buffer.size() - output.size, &taken, &made);
    if (result == LIBDEFLATE_SUCCESS) {
      output.size += made;
      return taken;
    }
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE) throw_damaged(what);
    if (output.buffer.size() >= limit) {
      throw Error(ErrorCode::too_large, fmt::format("{}: unpacks to more than {} bytes, or is damaged", what, limit));
    }
    const std::size_t capacity = output.buffer.size();
    output.reserve(std::min(limit, std::max<std::size_t>(capacity > limit / 2 ? limit : capacity * 2, 4096)));
  }
}

Bytes compress(ByteView raw, int level, decltype(&libdeflate_gzip_compress) run,
               decltype(&libdeflate_gzip_compress_bound) bound) {
  const Compressor compressor(libdeflate_alloc_compressor(level));
  if (!compressor) throw Error(ErrorCode::internal, fmt::format("compression level {} is not in 1..12", level));
  Bytes packed(bound(compressor.get(), raw.size()));
  packed.resize(run(compressor.get(), raw.data(), raw.size(), packed.data(), packed.size()));
  return packed;
}

}  // namespace

bool looks_gzipped(ByteView bytes) { return bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b; }

Buffer gunzip(ByteView compressed, std::size_t max_bytes, std::string_view what) {
  if (!looks_gzipped(compressed)) throw Error(ErrorCode::bad_input, fmt::format("{}: not gzip data", what));
  const Decompressor decompressor = make_decompressor();
  Output output;
  for (ByteView rest = compressed; !rest.empty();) {
    const bool padding = std::all_of(rest.begin(), rest.end(), [](std::uint8_t b) { return b == 0; });
    if (padding) break;
    if (rest.size() < kSmallestMember) throw_damaged(what);
    rest = rest.subspan(unpack_member(*decompressor, rest, max_bytes, output, what));
  }
  output.buffer.truncate(output.size);
  return std::move(output.buffer);
}

Bytes gunzip_start(ByteView compressed, std::size_t max_bytes, std::string_view what) {
  z_stream stream{};
  constexpr int kGzipOnly = 15 + 16;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, inflateEnd);
  Bytes start(max_bytes);
  stream.next_in = const_cast<Bytef*>(compressed.data());
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(compressed.size(), UINT32_MAX));
  stream.next_out = start.data();
  stream.avail_out = static_cast<uInt>(start.size());
  int result = inflate(&stream, Z_SYNC_FLUSH);
  while (result == Z_STREAM_END && stream.avail_in > 0 && stream.avail_out > 0) {
    inflateReset(&stream);
    result = inflate(&stream, Z_SYNC_FLUSH);
  }
  if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) throw_damaged(what);
  start.resize(start.size() - stream.avail_out);
  return start;
}

Bytes gzip(ByteView raw, int level) {
  return compress(raw, level, libdeflate_gzip_compress, libdeflate_gzip_compress_bound);
}

Buffer zlib_decompress(ByteView compressed, std::size_t size, std::string_view what) {
  if (size / kLargestExpansion > compressed.size()) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: {} compressed bytes cannot hold the {} expected", what, compressed.size(), size));
  }
  Buffer out(size);
  const auto result = libdeflate_zlib_decompress(make_decompressor().get(), compressed.data(), compressed.size(),
                                                 out.data(), out.size(), nullptr);
  if (result == LIBDEFLATE_SUCCESS) return out;
  if (result == LIBDEFLATE_BAD_DATA) throw_damaged(what);
  throw Error(ErrorCode::bad_input, fmt::format("{}: the compressed data does not unpack to {} bytes", what, size));
}

Bytes zlib_compress(ByteView raw, int level) {
  return compress(raw, level, libdeflate_zlib_compress, libdeflate_zlib_compress_bound);
}

}  // namespace sagittal::io
