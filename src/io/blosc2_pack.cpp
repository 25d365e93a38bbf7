#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include <fmt/format.h>

#include "base/buffer.h"
#include "base/error.h"
#include "io/blosc2_chunk.h"
#include "io/blosc2_format.h"
#include "io/blosc2_shuffle.h"
#include "io/byte_order.h"

namespace sagittal::io {
namespace {

using namespace blosc2;

constexpr std::size_t kBlock = 256 << 10;

void append_u32(Bytes& out, std::size_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

/// Packs blocks on one thread, each into one stream with its size before it; a block of zeros into none at all.
class BlockWriter {
 public:
  BlockWriter(const Blosc2Packing& packing, std::size_t block_size)
      : packing_(packing), packed_(ZSTD_compressBound(block_size)), zstd_(ZSTD_createCCtx()) {
    if (!zstd_) throw std::bad_alloc();
    if (packing.shuffle) shuffled_ = Buffer(block_size);
  }

  Bytes write(ByteView block) {
    Bytes stream;
    // Equal to itself one byte further on: one byte repeated.
    if (std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0) {
      if (block[0] == 0) return stream;
      append_u32(stream, 0U - block[0]);
      stream.push_back(1);
      return stream;
    }
    if (packing_.shuffle) {
      const auto shuffled = shuffled_.as<std::uint8_t>().first(block.size());
      shuffle_bytes(block, shuffled, packing_.item_size);
      block = shuffled;
    }
    ByteView packed = compress(block);
    if (packed.size() >= block.size()) packed = block;
    stream.reserve(sizeof(std::uint32_t) + packed.size());
    append_u32(stream, packed.size());
    stream.insert(stream.end(), packed.begin(), packed.end());
    return stream;
  }

 private:
  struct FreeZstd {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };

  ByteView compress(ByteView block) {
    const std::size_t size =
        ZSTD_compressCCtx(zstd_.get(), packed_.data(), packed_.size(), block.data(), block.size(), packing_.level);
    if (ZSTD_isError(size) != 0) {
      throw Error(ErrorCode::internal, fmt::format("packing a block failed: {}", ZSTD_getErrorName(size)));
    }
    return {packed_.as<const std::uint8_t>().data(), size};
  }

  Blosc2Packing packing_;
  Buffer shuffled_, packed_;
  std::unique_ptr<ZSTD_CCtx, FreeZstd> zstd_;
};

std::vector<Bytes> pack_blocks(ByteView data, const Blosc2Packing& packing, std::size_t block_size, ThreadPool& pool) {
  constexpr std::size_t kRangesPerThread = 8;
  std::vector<Bytes> blocks((data.size() + block_size - 1) / block_size);
  const std::size_t ranges = kRangesPerThread * static_cast<std::size_t>(pool.size());
  const auto grain = static_cast<std::int64_t>((blocks.size() + ranges - 1) / ranges);
  pool.parallel_for(static_cast<std::int64_t>(blocks.size()), grain, [&](std::int64_t begin, std::int64_t end) {
    BlockWriter writer(packing, block_size);
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      blocks[i] = writer.write(data.subspan(i * block_size, std::min(block_size, data.size() - i * block_size)));
    }
  });
  return blocks;
}

struct Frame {
  std::size_t size;        ///< unpacked
  std::size_t block_size;  ///< at least 1
  std::size_t length;      ///< of the whole chunk
  std::uint8_t flags = 0;
  Special special = Special::none;
};

void append_header(Bytes& out, const Frame& frame, const Blosc2Packing& packing) {
  out.push_back(kVersion);
  out.push_back(1);
  out.push_back(static_cast<std::uint8_t>(frame.flags | kExtended | kNotSplit | (kCodecZstd << kCodecShift)));
  out.push_back(static_cast<std::uint8_t>(packing.item_size));
  append_u32(out, frame.size);
  append_u32(out, frame.block_size);
  append_u32(out, frame.length);
  std::array<std::uint8_t, kHeader - kOldHeader> extension{};
  extension[0] = static_cast<std::uint8_t>(packing.shuffle ? Filter::shuffle : Filter::none);
  extension.back() = static_cast<std::uint8_t>(static_cast<int>(frame.special) << kSpecialShift);
  out.insert(out.end(), extension.begin(), extension.end());
}

void append_blocks(Bytes& out, const std::vector<Bytes>& blocks) {
  constexpr std::size_t kSizeField = sizeof(std::uint32_t);
  std::size_t start = kHeader + kSizeField * blocks.size();
  for (const Bytes& block : blocks) {
    append_u32(out, start);
    start += std::max(kSizeField, block.size());
  }
  for (const Bytes& block : blocks) {
    if (block.empty()) {
      append_u32(out, 0);
    } else {
      out.insert(out.end(), block.begin(), block.end());
    }
  }
}

}  // namespace

void append_blosc2(Bytes& out, ByteView data, const Blosc2Packing& packing, ThreadPool& pool) {
  if (packing.item_size < 1 || packing.item_size > 255 || data.size() % packing.item_size != 0 ||
      data.size() > kMaxBlosc2Chunk) {
    throw Error(ErrorCode::internal,
                fmt::format("{} bytes in items of {} do not make a Blosc2 chunk", data.size(), packing.item_size));
  }
  const std::size_t whole_items = kBlock / packing.item_size * packing.item_size;
  const std::size_t block_size = std::max<std::size_t>(1, std::min(whole_items, data.size()));
  const std::vector<Bytes> blocks = pack_blocks(data, packing, block_size, pool);
  std::size_t length = kHeader;
  for (const Bytes& block : blocks) length += sizeof(std::uint32_t) + std::max(sizeof(std::uint32_t), block.size());
  const std::size_t stored = kHeader + data.size();
  if (std::ranges::all_of(blocks, [](const Bytes& block) { return block.empty(); })) {
    const Special special = data.empty() ? Special::none : Special::zeros;
    append_header(out, {data.size(), block_size, kHeader, 0, special}, packing);
  } else if (length < stored) {
    out.reserve(out.size() + length);
    append_header(out, {data.size(), block_size, length}, packing);
    append_blocks(out, blocks);
  } else {
    append_header(out, {data.size(), block_size, stored, kStored}, packing);
    out.insert(out.end(), data.begin(), data.end());
  }
}

}  // namespace sagittal::io
