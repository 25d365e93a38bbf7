#include "stream/igtl/crc64.h"

#include <array>

namespace sagittal::igtl {
namespace {

constexpr std::size_t kBlock = 16;

/// Row n: what a byte adds that has n more bytes of its block behind it.
using Tables = std::array<std::array<std::uint64_t, 256>, kBlock>;

constexpr Tables make_tables() {
  Tables tables{};
  for (std::size_t row = 0; row < kBlock; ++row) {
    for (std::size_t bit = 0; bit < 8; ++bit) {
      const std::uint64_t power = detail::power_of_x(static_cast<int>(64 + 8 * row + bit));
      for (std::size_t byte = 0; byte < 256; ++byte) {
        if ((byte >> bit & 1) != 0) tables[row][byte] ^= power;
      }
    }
  }
  return tables;
}
constexpr Tables kTables = make_tables();

std::uint64_t one_byte(std::uint64_t crc, std::uint8_t byte) { return (crc << 8) ^ kTables[0][(crc >> 56) ^ byte]; }

}  // namespace

namespace detail {

std::uint64_t crc64_tables(ByteView bytes, std::uint64_t before) {
  std::uint64_t crc = before;
  for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) {
    std::uint64_t next = 0;
    for (std::size_t n = 0; n < kBlock; ++n) {
      const std::uint64_t old = n < 8 ? crc >> (56 - 8 * n) & 0xFF : 0;
      next ^= kTables[kBlock - 1 - n][bytes[n] ^ old];
    }
    crc = next;
  }
  for (const std::uint8_t byte : bytes) crc = one_byte(crc, byte);
  return crc;
}

}  // namespace detail

std::uint64_t crc64(ByteView bytes, std::uint64_t before) {
  static const bool folds = detail::crc64_folds();
  return folds ? detail::crc64_folding(bytes, before) : detail::crc64_tables(bytes, before);
}

const char* crc64_method() { return detail::crc64_folds() ? "carry-less multiplication" : "tables"; }

}  // namespace sagittal::igtl
