#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/thread_pool.h"
#include "io/npy.h"

namespace sagittal::io {

/// The container in which nnInteractive 2 sends arrays: "NNIA", type, shape, and the C-ordered values in Blosc2 chunks
/// (blosc2_chunk.h).

/// Reads a whole container; at most `max_bytes` of values. Memory for them is taken once the shape, the container and
/// the header of every chunk agree on their number. Throws Error naming `what`: bad_input for forged, truncated or
/// trailing bytes, too_large beyond `max_bytes` or kMaxVoxels, unsupported for other types (float16, complex, …),
/// versions and codecs.
NpyArray read_nnia(ByteView bytes, std::size_t max_bytes, std::string_view what, ThreadPool& pool);

/// What the original puts into one chunk at most; a multiple of every item's size.
inline constexpr std::size_t kNniaChunkBytes = std::size_t{1} << 30;

/// A container with the values `data` of `shape`, axis 0 slowest; `is_bool` says that a u8 array is NumPy's bool of 0
/// and 1. Values of more than one byte are shuffled. `chunk_bytes` is a multiple of 8, at most kMaxBlosc2Chunk.
Bytes write_nnia(ScalarType type, bool is_bool, std::span<const std::int64_t> shape, std::span<const std::byte> data,
                 ThreadPool& pool, std::size_t chunk_bytes = kNniaChunkBytes);

}  // namespace sagittal::io
