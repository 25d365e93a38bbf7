#include "volume/bits.h"

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {

/// The highest bit of the result is whether byte 0 of `eight` is not zero, and so on.
std::uint8_t pack_eight(std::uint64_t eight) {
  return static_cast<std::uint8_t>((nonzero_bytes(eight) * 0x8040201008040201) >> 56);
}

}  // namespace

Bytes pack_bits(std::span<const std::uint8_t> voxels) {
  Bytes bits(packed_size(voxels.size()));
  const std::size_t full = voxels.size() / 8;
  for (std::size_t i = 0; i < full; ++i) {
    std::uint64_t eight;
    std::memcpy(&eight, voxels.data() + 8 * i, 8);
    bits[i] = pack_eight(eight);
  }
  for (std::size_t v = 8 * full; v < voxels.size(); ++v) {
    if (voxels[v] != 0) bits[full] |= static_cast<std::uint8_t>(0x80 >> (v % 8));
  }
  return bits;
}

void unpack_bits(ByteView bits, std::span<std::uint8_t> out) {
  if (bits.size() != packed_size(out.size())) {
    throw Error(ErrorCode::bad_input, fmt::format("packed mask: {} voxels need {} bytes, found {}", out.size(),
                                                  packed_size(out.size()), bits.size()));
  }
  for (std::size_t v = 0; v < out.size(); ++v) out[v] = (bits[v / 8] >> (7 - v % 8)) & 1;
}

}  // namespace sagittal
