#pragma once
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace sagittal {

/// One bit per voxel, the first voxel in the highest bit of the first byte, the last byte padded with zeros (NumPy's
/// `packbits`). Any non-zero voxel is a set bit.
Bytes pack_bits(std::span<const std::uint8_t> voxels);

/// The inverse: `out.size()` voxels of 0 or 1. Throws Error(bad_input) unless `bits` has exactly the bytes needed.
void unpack_bits(ByteView bits, std::span<std::uint8_t> out);

inline std::size_t packed_size(std::size_t voxels) { return (voxels + 7) / 8; }

}  // namespace sagittal
