#pragma once
#include <cstddef>
#include <string_view>

#include "base/buffer.h"
#include "base/bytes.h"

namespace sagittal::io {

/// True for the two magic bytes of gzip.
bool looks_gzipped(ByteView bytes);

/// All members of a gzip file, one after another, checksums verified; zero bytes after the last member are ignored.
/// Memory grows only with what was really unpacked. Throws Error(bad_input) naming `what` for damaged, truncated or
/// trailing bytes, and Error(too_large) once the output would exceed `max_bytes`.
Buffer gunzip(ByteView compressed, std::size_t max_bytes, std::string_view what);

/// The first bytes of the unpacked file, at most `max_bytes`; damage behind them goes unseen.
Bytes gunzip_start(ByteView compressed, std::size_t max_bytes, std::string_view what);

/// One gzip member. `level` 1 (fast) to 12 (small).
Bytes gzip(ByteView raw, int level = 1);

/// A zlib stream that must unpack to exactly `size` bytes; errors as for gunzip.
Buffer zlib_decompress(ByteView compressed, std::size_t size, std::string_view what);
Bytes zlib_compress(ByteView raw, int level = 1);

}  // namespace sagittal::io
