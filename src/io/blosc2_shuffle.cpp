#include "io/blosc2_shuffle.h"

#include <algorithm>
#include <cstring>

#include "io/byte_order.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kTile = 256;  // items whose bytes stay in the first cache for any width

void copy_from(std::size_t start, ByteView in, std::span<std::uint8_t> out) {
  std::copy(in.begin() + static_cast<std::ptrdiff_t>(start), in.end(),
            out.begin() + static_cast<std::ptrdiff_t>(start));
}

/// Item by item, so that the compiler can interleave whole registers.
template <class T>
void unshuffle_items(const std::uint8_t* in, std::uint8_t* out, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    T item = 0;
    for (std::size_t b = 0; b < sizeof(T); ++b) {
      item = static_cast<T>(item | static_cast<T>(static_cast<T>(in[b * count + i]) << (8 * b)));
    }
    std::memcpy(out + i * sizeof(T), &item, sizeof(T));
  }
}

template <class T>
void shuffle_items(const std::uint8_t* in, std::uint8_t* out, std::size_t count) {
  for (std::size_t b = 0; b < sizeof(T); ++b) {
    for (std::size_t i = 0; i < count; ++i) out[b * count + i] = in[i * sizeof(T) + b];
  }
}

/// Transposes 8 x 8 bits: bit c of byte r becomes bit r of byte c.
std::uint64_t transpose_bits(std::uint64_t x) {
  std::uint64_t t = (x ^ (x >> 7)) & 0x00aa00aa00aa00aaULL;
  x ^= t ^ (t << 7);
  t = (x ^ (x >> 14)) & 0x0000cccc0000ccccULL;
  x ^= t ^ (t << 14);
  t = (x ^ (x >> 28)) & 0x00000000f0f0f0f0ULL;
  return x ^ t ^ (t << 28);
}

}  // namespace

void shuffle_bytes(ByteView in, std::span<std::uint8_t> out, std::size_t width) {
  const std::size_t count = in.size() / width;
  if (width == 2) {
    shuffle_items<std::uint16_t>(in.data(), out.data(), count);
  } else if (width == 4) {
    shuffle_items<std::uint32_t>(in.data(), out.data(), count);
  } else {
    for (std::size_t tile = 0; tile < count; tile += kTile) {
      const std::size_t end = std::min(count, tile + kTile);
      for (std::size_t b = 0; b < width; ++b) {
        for (std::size_t i = tile; i < end; ++i) out[b * count + i] = in[i * width + b];
      }
    }
  }
  copy_from(count * width, in, out);
}

void unshuffle_bytes(ByteView in, std::span<std::uint8_t> out, std::size_t width) {
  const std::size_t count = in.size() / width;
  if (width == 2) {
    unshuffle_items<std::uint16_t>(in.data(), out.data(), count);
  } else if (width == 4) {
    unshuffle_items<std::uint32_t>(in.data(), out.data(), count);
  } else if (width == 8) {
    unshuffle_items<std::uint64_t>(in.data(), out.data(), count);
  } else {
    for (std::size_t tile = 0; tile < count; tile += kTile) {
      const std::size_t end = std::min(count, tile + kTile);
      for (std::size_t b = 0; b < width; ++b) {
        for (std::size_t i = tile; i < end; ++i) out[i * width + b] = in[b * count + i];
      }
    }
  }
  copy_from(count * width, in, out);
}

void unshuffle_bits(ByteView in, std::span<std::uint8_t> out, std::size_t width) {
  const std::size_t groups = in.size() / width / 8;
  for (std::size_t b = 0; b < width; ++b) {
    const std::uint8_t* rows = in.data() + b * 8 * groups;
    for (std::size_t g = 0; g < groups; ++g) {
      std::uint64_t bits = 0;
      for (std::size_t k = 0; k < 8; ++k) bits |= std::uint64_t{rows[k * groups + g]} << (8 * k);
      bits = transpose_bits(bits);
      for (std::size_t i = 0; i < 8; ++i) {
        out[(g * 8 + i) * width + b] = static_cast<std::uint8_t>(bits >> (8 * i));
      }
    }
  }
  copy_from(groups * 8 * width, in, out);
}

}  // namespace sagittal::io
