#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/bytes.h"

namespace sagittal {

static_assert(std::endian::native == std::endian::little);

inline constexpr std::array<std::uint32_t, 32> kBitMasks = [] {
  std::array<std::uint32_t, 32> masks{};
  for (std::size_t n = 0; n < masks.size(); ++n) masks[n] = std::uint32_t{1} << n;
  return masks;
}();

/// One bit per voxel, the first voxel in the highest bit of the first byte, the last byte padded with zeros (NumPy's
/// `packbits`). Any non-zero voxel is a set bit.
Bytes pack_bits(std::span<const std::uint8_t> voxels);

/// The inverse: `out.size()` voxels of 0 or 1. Throws Error(bad_input) unless `bits` has exactly the bytes needed.
void unpack_bits(ByteView bits, std::span<std::uint8_t> out);

/// Each of the eight bytes as 0 or 1: whether it is not zero.
inline std::uint64_t nonzero_bytes(std::uint64_t eight) {
  constexpr std::uint64_t low7 = 0x7f7f7f7f7f7f7f7f;
  return ((((eight & low7) + low7) | eight) >> 7) & 0x0101010101010101;
}

/// Bit n of the result is whether byte n of `eight` is not zero; the lowest is byte 0, and the first in memory.
inline std::uint64_t gather_eight(std::uint64_t eight) { return (nonzero_bytes(eight) * 0x0102040810204080) >> 56; }

/// The inverse: byte n of the result is bit n of `bits`, 0 or 1; bits < 256.
inline std::uint64_t spread_eight(std::uint64_t bits) {
  return nonzero_bytes((bits * 0x0101010101010101) & 0x8040201008040201);
}

/// The lowest `count` <= 32 bits of `word` as 0 or 1, the lowest first.
inline void spread_word(std::uint32_t word, std::int64_t count, float* out) {
  for (std::int64_t n = 0; n < count; ++n) out[n] = (word & kBitMasks[static_cast<std::size_t>(n)]) != 0 ? 1.0f : 0.0f;
}
inline void spread_word(std::uint32_t word, std::int64_t count, std::uint8_t* out) {
  std::int64_t n = 0;
  for (; n + 8 <= count; n += 8) {
    const std::uint64_t eight = spread_eight((word >> n) & 0xff);
    std::memcpy(out + n, &eight, sizeof(eight));
  }
  for (; n < count; ++n) out[n] = (word >> n) & 1;
}

inline std::size_t packed_size(std::size_t voxels) { return (voxels + 7) / 8; }

}  // namespace sagittal
