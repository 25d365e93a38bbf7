#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <span>

namespace sagittal::io {

static_assert(std::endian::native == std::endian::little, "the readers copy little-endian voxels as they are");

/// Reverses the bytes of every value of `width` bytes.
inline void swap_byte_order(std::span<std::byte> bytes, std::size_t width) {
  if (width < 2) return;
  for (std::size_t at = 0; at + width <= bytes.size(); at += width) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + width));
  }
}

}  // namespace sagittal::io
