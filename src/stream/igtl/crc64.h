#pragma once
#include <cstdint>

#include "base/bytes.h"

namespace sagittal::igtl {

/// CRC-64 of ECMA-182 (polynomial 0x42F0E1EBA9EA3693, most significant bit first, nothing inverted), as OpenIGTLink
/// uses it. `before`: of the bytes in front of these, so that parts of a message need not lie together.
std::uint64_t crc64(ByteView bytes, std::uint64_t before = 0);

/// Which of them this machine uses: "carry-less multiplication" or "tables".
const char* crc64_method();

namespace detail {

/// Sixteen bytes at a time by tables.
std::uint64_t crc64_tables(ByteView bytes, std::uint64_t before);
/// Only where `crc64_folds()`. Source: Intel, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ".
std::uint64_t crc64_folding(ByteView bytes, std::uint64_t before);
bool crc64_folds();

/// x^power modulo the polynomial, bit n being the coefficient of x^n.
constexpr std::uint64_t power_of_x(int power) {
  constexpr std::uint64_t polynomial = 0x42F0E1EBA9EA3693;
  std::uint64_t value = 1;
  for (int n = 0; n < power; ++n) value = (value << 1) ^ ((value >> 63) != 0 ? polynomial : 0);
  return value;
}

}  // namespace detail

}  // namespace sagittal::igtl
