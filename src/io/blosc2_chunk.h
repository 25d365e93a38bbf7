#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/thread_pool.h"

namespace sagittal::io {

/// One chunk of Blosc2, as `blosc2_compress` of the C library makes it: a header of 32 bytes (or 16, Blosc 1), the
/// offsets of its blocks, and each block as one compressed stream or as one for each byte of an item.
/// Read are: Zstandard and LZ4; byte shuffle, bit shuffle and truncated precision; stored chunks and chunks of one
/// repeated value. Error(unsupported) for other codecs and filters, dictionaries, lazy chunks and blocks of varying
/// length.

/// Upper limit of what one chunk may hold, in bytes: the format counts in 32 bits, its header included.
inline constexpr std::size_t kMaxBlosc2Chunk = 0x7fffffff - 32;

/// How many bytes `chunk` unpacks to, from its checked header. `chunk` holds the chunk and nothing else. Errors as for
/// blosc2_decompress; damage behind the header goes unseen.
std::size_t blosc2_unpacked_size(ByteView chunk, std::string_view what);

/// Unpacks `chunk` into `out`, which it must fill exactly; an uninitialised chunk gives zeros. Takes scratch memory of
/// two blocks for each thread. Throws Error naming `what`: bad_input for damaged, truncated or contradictory bytes,
/// unsupported as above.
void blosc2_decompress(ByteView chunk, std::span<std::uint8_t> out, std::string_view what, ThreadPool& pool);

struct Blosc2Packing {
  std::size_t item_size = 1;  ///< bytes of one value, 1 to 255; divides the size of the data
  bool shuffle = false;       ///< by bytes: smaller for images of more than one byte a voxel
  int level = 1;              ///< of Zstandard, 1 to 22
};

/// Appends `data`, at most kMaxBlosc2Chunk bytes, to `out` as one chunk. Zeros cost one pass of comparing.
void append_blosc2(Bytes& out, ByteView data, const Blosc2Packing& packing, ThreadPool& pool);

}  // namespace sagittal::io
