#include "io/gzip_chunks.h"

#include <zlib.h>

#include <algorithm>
#include <new>

namespace sagittal::io {
namespace {

constexpr std::size_t kChunk = std::size_t{32} << 10;
constexpr std::uint8_t kHeader[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff};  // RFC 1952: deflate, no time, any system
constexpr std::uint8_t kEndOfStream[] = {0x03, 0x00};                        // an empty last block

class Deflater {
 public:
  Deflater() {
    constexpr int raw_deflate = -15, memory = 8;
    if (deflateInit2(&stream_, 1, Z_DEFLATED, raw_deflate, memory, Z_RLE) != Z_OK) throw std::bad_alloc();
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { deflateEnd(&stream_); }

  Bytes run(ByteView raw) {
    constexpr std::size_t flush_block = 16;
    Bytes out(deflateBound(&stream_, static_cast<uLong>(raw.size())) + flush_block);
    stream_.next_in = const_cast<Bytef*>(raw.data());
    stream_.avail_in = static_cast<uInt>(raw.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    deflate(&stream_, Z_FULL_FLUSH);
    return {out.begin(), out.end() - stream_.avail_out};
  }

 private:
  z_stream stream_{};
};

std::uint32_t checksum_of(ByteView raw) {
  return static_cast<std::uint32_t>(crc32(0, raw.data(), static_cast<uInt>(raw.size())));
}

/// Fills a buffer that is large enough.
struct Writer {
  std::uint8_t* at;

  void bytes(ByteView bytes) { at = std::copy(bytes.begin(), bytes.end(), at); }
  void word(std::uint32_t word) {
    for (int shift = 0; shift < 32; shift += 8) *at++ = static_cast<std::uint8_t>(word >> shift);
  }
};

bool is_zero(ByteView raw) {
  std::uint8_t any = 0;
  for (const std::uint8_t byte : raw) any |= byte;
  return any == 0;
}

}  // namespace

std::shared_ptr<const GzipChunks::Chunk> GzipChunks::compress(ByteView raw) {
  return std::make_shared<const Chunk>(Chunk{Deflater().run(raw), checksum_of(raw)});
}

std::shared_ptr<const GzipChunks::Chunk> GzipChunks::zeros() {
  static const std::shared_ptr<const Chunk> chunk = compress(Bytes(kChunk));
  return chunk;
}

Bytes GzipChunks::update(ByteView raw, std::size_t first, std::size_t last, ThreadPool& pool) {
  const std::size_t count = (raw.size() + kChunk - 1) / kChunk;
  if (raw.size() != raw_size_ || chunks_.size() != count) {
    chunks_.assign(count, nullptr);
    raw_size_ = raw.size();
    first = 0;
    last = raw.size();
  }
  last = std::min(last, raw.size());
  const std::size_t begin = first / kChunk, end = first < last ? (last + kChunk - 1) / kChunk : begin;
  pool.parallel_for(static_cast<std::int64_t>(end - begin), 4, [&](std::int64_t from, std::int64_t to) {
    for (std::size_t n = begin + static_cast<std::size_t>(from); n < begin + static_cast<std::size_t>(to); ++n) {
      const ByteView bytes = raw.subspan(n * kChunk, std::min(kChunk, raw.size() - n * kChunk));
      chunks_[n] = bytes.size() == kChunk && is_zero(bytes) ? zeros() : compress(bytes);
    }
  });
  return join(raw.size());
}

Bytes GzipChunks::join(std::size_t raw_size) const {
  std::size_t size = std::size(kHeader) + std::size(kEndOfStream) + 2 * sizeof(std::uint32_t);
  for (const auto& chunk : chunks_) size += chunk->deflated.size();
  Bytes out(size);
  Writer writer{out.data()};
  writer.bytes(kHeader);
  const auto whole = crc32_combine_gen(static_cast<z_off_t>(kChunk));
  uLong checksum = 0;
  for (std::size_t n = 0; n < chunks_.size(); ++n) {
    const std::size_t length = std::min(kChunk, raw_size - n * kChunk);
    writer.bytes(chunks_[n]->deflated);
    checksum = length == kChunk ? crc32_combine_op(checksum, chunks_[n]->checksum, whole)
                                : crc32_combine(checksum, chunks_[n]->checksum, static_cast<z_off_t>(length));
  }
  writer.bytes(kEndOfStream);
  writer.word(static_cast<std::uint32_t>(checksum));
  writer.word(static_cast<std::uint32_t>(raw_size));
  return out;
}

}  // namespace sagittal::io
