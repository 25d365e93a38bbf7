#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace sagittal::io {

/// The reordering filters of Blosc2. `in` and `out` are of one size and do not overlap; `width` is the size of an item
/// in bytes, at least 1. Bytes behind the last whole item are copied.

/// First byte 0 of every item, then byte 1 of every item, and so on.
void shuffle_bytes(ByteView in, std::span<std::uint8_t> out, std::size_t width);
void unshuffle_bytes(ByteView in, std::span<std::uint8_t> out, std::size_t width);

/// The same by bits, lowest first, for whole groups of 8 items; the items behind the last group are copied.
void unshuffle_bits(ByteView in, std::span<std::uint8_t> out, std::size_t width);

}  // namespace sagittal::io
