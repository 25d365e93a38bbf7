#include "io/blosc2_chunk.h"

#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>

#include <fmt/format.h>

#include "base/buffer.h"
#include "base/error.h"
#include "io/blosc2_format.h"
#include "io/blosc2_shuffle.h"
#include "io/byte_order.h"

namespace sagittal::io {
namespace {

using namespace blosc2;
using Output = std::span<std::uint8_t>;

[[noreturn]] void fail(std::string_view what, std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: not a valid Blosc2 chunk: {}", what, why));
}

[[noreturn]] void refuse(std::string_view what, std::string_view why) {
  throw Error(ErrorCode::unsupported, fmt::format("{}: a Blosc2 chunk with {} is not supported", what, why));
}

struct Header {
  std::size_t size = 0;        ///< unpacked
  std::size_t block_size = 0;  ///< 1 to `size`, but for an empty chunk
  std::size_t item_size = 0;   ///< at least 1
  std::size_t bytes = 0;       ///< of the header itself
  std::uint8_t version = 0;
  std::uint8_t flags = 0;
  std::array<std::uint8_t, kFilterSlots> filters{};
  std::array<std::uint8_t, kFilterSlots> filters_meta{};
  Special special = Special::none;

  int codec() const { return flags >> kCodecShift; }
  std::size_t block_count() const { return (size + block_size - 1) / block_size; }
};

void read_extension(ByteReader& reader, Header& header, std::string_view what) {
  for (auto& filter : header.filters) filter = reader.read<std::uint8_t>();
  reader.take(2);  // user-defined codec and its setting: they count only with codec 6
  for (auto& meta : header.filters_meta) meta = reader.read<std::uint8_t>();
  if (reader.read<std::uint8_t>() != 0) refuse(what, "blocks of varying length");
  const auto flags = reader.read<std::uint8_t>();
  if ((flags & kOtherFlags) != 0) refuse(what, "a dictionary, an on-disk part or instruments");
  const int special = (flags >> kSpecialShift) & kSpecialMask;
  if (special > static_cast<int>(Special::uninitialised)) refuse(what, "an unknown kind of repeated value");
  header.special = static_cast<Special>(special);
  if (header.version == 3) header.filters[kFilterSlots - 1] = 0;  // left uninitialised by the writers of that version
}

void read_old_filters(Header& header) {
  const auto set = [&](std::uint8_t flag, std::size_t slot, Filter filter) {
    if ((header.flags & flag) != 0) header.filters[slot] = static_cast<std::uint8_t>(filter);
  };
  set(kShuffled, kFilterSlots - 1, Filter::shuffle);
  set(kBitShuffled, kFilterSlots - 1, Filter::bit_shuffle);
  set(kDelta, kFilterSlots - 2, Filter::delta);
}

/// The length of a chunk follows from its header alone where it has no blocks.
void check_length(const Header& header, std::size_t length, std::string_view what) {
  const std::size_t behind = length - header.bytes;
  if (header.special == Special::value) {
    if (behind == 0 || header.size % behind != 0) {
      fail(what, fmt::format("{} bytes cannot repeat a value of {}", header.size, behind));
    }
  } else if (header.special != Special::none) {
    if (behind != 0) fail(what, fmt::format("{} bytes behind a repeated value", behind));
  } else if ((header.flags & kStored) != 0) {
    if (behind != header.size) fail(what, fmt::format("stored {} bytes, expected {}", behind, header.size));
  } else if (header.size == 0) {
    if (behind != 0) fail(what, fmt::format("{} bytes in an empty chunk", behind));
  } else if (header.block_count() > behind / sizeof(std::uint32_t)) {
    fail(what, fmt::format("{} blocks in {} bytes", header.block_count(), behind));
  }
}

void check_blocks(const Header& header, std::string_view what) {
  if (header.codec() != kCodecLz4 && header.codec() != kCodecZstd) {
    refuse(what, fmt::format("codec {} (known are {} LZ4, {} Zstandard)", header.codec(), kCodecLz4, kCodecZstd));
  }
  for (const std::uint8_t filter : header.filters) {
    if (filter == static_cast<std::uint8_t>(Filter::delta) ||
        filter > static_cast<std::uint8_t>(Filter::truncated_precision)) {
      refuse(what, fmt::format("filter {}", filter));
    }
  }
  if ((header.flags & kNotSplit) == 0 && header.block_size % header.item_size != 0) {
    fail(what, fmt::format("blocks of {} bytes split by {}", header.block_size, header.item_size));
  }
}

Header read_header(ByteView chunk, std::string_view what) {
  ByteReader reader(chunk, what);
  Header header;
  header.version = reader.read<std::uint8_t>();
  if (header.version == 0 || header.version > kMaxVersion) refuse(what, fmt::format("version {}", header.version));
  reader.take(1);  // version of the codec's format, always 1
  header.flags = reader.read<std::uint8_t>();
  header.item_size = reader.read<std::uint8_t>();
  const auto size = reader.read<std::uint32_t>();
  const auto block_size = reader.read<std::uint32_t>();
  const auto length = reader.read<std::uint32_t>();
  if (size > kMaxBlosc2Chunk) fail(what, fmt::format("claims {} bytes, the limit is {}", size, kMaxBlosc2Chunk));
  if (block_size == 0 || header.item_size == 0) fail(what, "a block or item of 0 bytes");
  if (length != chunk.size()) fail(what, fmt::format("its header says {} bytes, found {}", length, chunk.size()));
  header.size = size;
  header.block_size = std::min<std::size_t>(block_size, std::max<std::size_t>(size, 1));
  if ((header.flags & kExtended) == kExtended) {
    read_extension(reader, header, what);
  } else {
    read_old_filters(header);
  }
  header.bytes = reader.offset();
  check_length(header, length, what);
  if (header.special == Special::none && (header.flags & kStored) == 0 && size > 0) check_blocks(header, what);
  return header;
}

/// Unpacks the blocks of one chunk on one thread.
class BlockReader {
 public:
  BlockReader(const Header& header, ByteView chunk, std::string_view what)
      : header_(header), what_(what), reader_(chunk, what) {
    for (std::size_t slot = 0; slot < kFilterSlots; ++slot) {
      const auto filter = static_cast<Filter>(header.filters[slot]);
      // Truncated precision is lost for good: nothing to undo.
      if (filter != Filter::none && filter != Filter::truncated_precision) active_[active_count_++] = slot;
    }
    if (active_count_ > 0) front_ = Buffer(header.block_size);
    if (active_count_ > 1) back_ = Buffer(header.block_size);
    if (header.codec() != kCodecZstd) return;
    zstd_.reset(ZSTD_createDCtx());
    if (!zstd_) throw std::bad_alloc();
  }

  /// `out` is the whole chunk unpacked.
  void read(std::size_t index, Output out) {
    const std::size_t begin = index * header_.block_size;
    const Output block = out.subspan(begin, std::min(header_.block_size, out.size() - begin));
    seek(index);
    if (active_count_ == 0) return read_streams(block);
    read_streams(front_.as<std::uint8_t>().first(block.size()));
    undo_filters(block);
  }

 private:
  struct FreeZstd {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };

  void seek(std::size_t index) {
    reader_.seek(header_.bytes + index * sizeof(std::uint32_t));
    const auto start = reader_.read<std::uint32_t>();
    if (start < header_.bytes + header_.block_count() * sizeof(std::uint32_t)) {
      fail(what_, fmt::format("block {} starts at byte {}, inside the table of blocks", index, start));
    }
    reader_.seek(start);
  }

  void read_streams(Output block) {
    const bool split = (header_.flags & kNotSplit) == 0 && block.size() == header_.block_size;
    const std::size_t size = block.size() / (split ? header_.item_size : 1);
    for (std::size_t at = 0; at < block.size(); at += size) read_stream(block.subspan(at, size));
  }

  void read_stream(Output out) {
    const auto size = reader_.read<std::int32_t>();
    if (size == 0) {
      std::ranges::fill(out, std::uint8_t{0});
    } else if (size < 0) {
      if (size < -255 || reader_.read<std::uint8_t>() != 1) fail(what_, "a run that repeats no byte");
      std::ranges::fill(out, static_cast<std::uint8_t>(-size));
    } else if (static_cast<std::size_t>(size) > out.size()) {
      fail(what_, fmt::format("a stream of {} bytes for {}", size, out.size()));
    } else {
      unpack(reader_.take(static_cast<std::size_t>(size)), out);
    }
  }

  void unpack(ByteView stream, Output out) {
    if (stream.size() == out.size()) {
      std::ranges::copy(stream, out.begin());
    } else if (!(header_.codec() == kCodecZstd ? unpack_zstd(stream, out) : unpack_lz4(stream, out))) {
      fail(what_, fmt::format("a stream of {} bytes does not unpack to {}", stream.size(), out.size()));
    }
  }

  static bool unpack_lz4(ByteView stream, Output out) {
    const int size =
        LZ4_decompress_safe(reinterpret_cast<const char*>(stream.data()), reinterpret_cast<char*>(out.data()),
                            static_cast<int>(stream.size()), static_cast<int>(out.size()));
    return size >= 0 && static_cast<std::size_t>(size) == out.size();
  }

  /// One frame of today's format only: the library would also read several, and formats of its first years.
  bool unpack_zstd(ByteView stream, Output out) {
    std::uint32_t magic = 0;
    if (stream.size() < sizeof(magic)) return false;
    std::memcpy(&magic, stream.data(), sizeof(magic));
    if (magic != ZSTD_MAGICNUMBER) return false;
    if (ZSTD_findFrameCompressedSize(stream.data(), stream.size()) != stream.size()) return false;
    return ZSTD_decompressDCtx(zstd_.get(), out.data(), out.size(), stream.data(), stream.size()) == out.size();
  }

  void undo_filters(Output block) {
    Buffer *from = &front_, *to = &back_;
    for (std::size_t i = active_count_; i-- > 0;) {
      const ByteView in = from->as<std::uint8_t>().first(block.size());
      undo_filter(active_[i], in, i == 0 ? block : to->as<std::uint8_t>().first(block.size()));
      std::swap(from, to);
    }
  }

  void undo_filter(std::size_t slot, ByteView in, Output out) const {
    if (static_cast<Filter>(header_.filters[slot]) == Filter::shuffle) {
      const std::uint8_t width = header_.filters_meta[slot];
      return unshuffle_bytes(in, out, width != 0 ? width : header_.item_size);
    }
    const bool whole_groups = in.size() / header_.item_size % 8 == 0;
    if (header_.version == kOldBitShuffleVersion && !whole_groups) {
      std::ranges::copy(in, out.begin());
    } else {
      unshuffle_bits(in, out, header_.item_size);
    }
  }

  const Header& header_;
  std::string_view what_;
  ByteReader reader_;
  std::array<std::size_t, kFilterSlots> active_{};
  std::size_t active_count_ = 0;
  Buffer front_, back_;
  std::unique_ptr<ZSTD_DCtx, FreeZstd> zstd_;
};

/// Calls `body(begin, end)` on pieces of [0, size) that are whole multiples of `step`, in parallel.
template <class Body>
void for_pieces(std::size_t size, std::size_t step, ThreadPool& pool, const Body& body) {
  constexpr std::size_t kPiece = 4 << 20;
  const std::size_t piece = std::max<std::size_t>(1, kPiece / step) * step;
  const std::size_t count = (size + piece - 1) / piece;
  pool.parallel_for(static_cast<std::int64_t>(count), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      body(i * piece, std::min(size, (i + 1) * piece));
    }
  });
}

void fill(Output out, ByteView value) {
  if (std::ranges::all_of(value, [&](std::uint8_t byte) { return byte == value[0]; })) {
    std::ranges::fill(out, value[0]);
    return;
  }
  std::size_t done = std::min(value.size(), out.size());
  std::copy_n(value.begin(), done, out.begin());
  while (done < out.size()) {
    const std::size_t more = std::min(done, out.size() - done);
    std::copy_n(out.begin(), more, out.begin() + static_cast<std::ptrdiff_t>(done));
    done += more;
  }
}

void fill_nans(const Header& header, Output out, std::string_view what, ThreadPool& pool) {
  static constexpr std::uint8_t kFloat[] = {0, 0, 0xc0, 0x7f};
  static constexpr std::uint8_t kDouble[] = {0, 0, 0, 0, 0, 0, 0xf8, 0x7f};
  if ((header.item_size != 4 && header.item_size != 8) || out.size() % header.item_size != 0) {
    fail(what, fmt::format("{} bytes of NaNs of {} bytes", out.size(), header.item_size));
  }
  const ByteView value = header.item_size == 4 ? ByteView(kFloat) : ByteView(kDouble);
  for_pieces(out.size(), value.size(), pool,
             [&](std::size_t begin, std::size_t end) { fill(out.subspan(begin, end - begin), value); });
}

void decompress_special(const Header& header, ByteView chunk, Output out, std::string_view what, ThreadPool& pool) {
  static constexpr std::uint8_t kZero[] = {0};
  if (header.special == Special::nans) return fill_nans(header, out, what, pool);
  const ByteView value = header.special == Special::value ? chunk.subspan(header.bytes) : ByteView(kZero);
  for_pieces(out.size(), value.size(), pool,
             [&](std::size_t begin, std::size_t end) { fill(out.subspan(begin, end - begin), value); });
}

void decompress_blocks(const Header& header, ByteView chunk, Output out, std::string_view what, ThreadPool& pool) {
  constexpr std::size_t kRangesPerThread = 8;
  const std::size_t ranges = kRangesPerThread * static_cast<std::size_t>(pool.size());
  const auto count = static_cast<std::int64_t>(header.block_count());
  const auto grain = static_cast<std::int64_t>((header.block_count() + ranges - 1) / ranges);
  pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    BlockReader reader(header, chunk, what);
    for (std::int64_t i = begin; i < end; ++i) reader.read(static_cast<std::size_t>(i), out);
  });
}

}  // namespace

std::size_t blosc2_unpacked_size(ByteView chunk, std::string_view what) { return read_header(chunk, what).size; }

void blosc2_decompress(ByteView chunk, Output out, std::string_view what, ThreadPool& pool) {
  const Header header = read_header(chunk, what);
  if (header.size != out.size()) fail(what, fmt::format("it holds {} bytes, expected {}", header.size, out.size()));
  if (out.empty()) return;
  if (header.special != Special::none) return decompress_special(header, chunk, out, what, pool);
  if ((header.flags & kStored) == 0) return decompress_blocks(header, chunk, out, what, pool);
  for_pieces(out.size(), 1, pool, [&](std::size_t begin, std::size_t end) {
    std::memcpy(out.data() + begin, chunk.data() + header.bytes + begin, end - begin);
  });
}

}  // namespace sagittal::io
