#pragma once
#include <bit>
#include <cstdint>

namespace sagittal {

/// An IEEE 754 binary16 value, held as its bits. Not negative values order like their bits.
using Half = std::uint16_t;

inline constexpr Half kHalfOne = 0x3c00;

/// Rounds to nearest, ties to even; 65520 and above become infinity. What F16C and CUDA do.
inline Half to_half(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<Half>((bits >> 16) & 0x8000);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<Half>(sign | 0x7e00);   // NaN
  if (magnitude >= 0x47800000) return static_cast<Half>(sign | 0x7c00);  // 65536 and above
  if (magnitude < 0x38800000) {                                          // below 2^-14: adding 0.5 rounds to 2^-24
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<Half>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000));
  }
  const std::uint32_t rounded = magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1);
  return static_cast<Half>(sign | (rounded >> 13));
}

/// Exact.
inline float from_half(Half half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1f;
  const std::uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {
    const float subnormal = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(subnormal));
  }
  const std::uint32_t wide = exponent == 0x1f ? 0xff : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

}  // namespace sagittal
