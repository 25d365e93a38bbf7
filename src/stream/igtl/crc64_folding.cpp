#include "stream/igtl/crc64.h"

#if defined(__PCLMUL__) && defined(__SSSE3__)
#include <cpuid.h>
#include <tmmintrin.h>
#include <wmmintrin.h>

#include <array>
#include <cstddef>

namespace sagittal::igtl::detail {
namespace {

constexpr std::size_t kLane = 16;  // bytes of one register
constexpr std::size_t kLanes = 4;  // as many at once as the multiplier has stages
constexpr std::size_t kStep = kLane * kLanes;

/// The bytes as a polynomial: the first byte has the highest powers.
__m128i load(const std::uint8_t* bytes) {
  const __m128i reversed = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)), reversed);
}

/// What multiplies the two halves of a register that `bits` more bits come behind of.
template <int bits>
__m128i factors() {
  constexpr auto high = static_cast<long long>(power_of_x(bits + 64));
  constexpr auto low = static_cast<long long>(power_of_x(bits));
  return _mm_set_epi64x(high, low);
}

__m128i fold(__m128i value, __m128i factors, __m128i next) {
  const __m128i high = _mm_clmulepi64_si128(value, factors, 0x11);
  const __m128i low = _mm_clmulepi64_si128(value, factors, 0x00);
  return _mm_xor_si128(_mm_xor_si128(high, low), next);
}

}  // namespace

std::uint64_t crc64_folding(ByteView bytes, std::uint64_t before) {
  if (bytes.size() < 2 * kStep) return crc64_tables(bytes, before);
  const std::uint8_t* at = bytes.data();
  std::size_t left = bytes.size() - kStep;
  __m128i lanes[kLanes] = {load(at), load(at + kLane), load(at + 2 * kLane), load(at + 3 * kLane)};
  lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(static_cast<long long>(before), 0));
  at += kStep;
  const __m128i by_step = factors<static_cast<int>(8 * kStep)>();
  for (; left >= kStep; left -= kStep, at += kStep) {
    for (std::size_t n = 0; n < kLanes; ++n) lanes[n] = fold(lanes[n], by_step, load(at + n * kLane));
  }
  const __m128i by_lane = factors<static_cast<int>(8 * kLane)>();
  __m128i value = lanes[0];
  for (std::size_t n = 1; n < kLanes; ++n) value = fold(value, by_lane, lanes[n]);
  for (; left >= kLane; left -= kLane, at += kLane) value = fold(value, by_lane, load(at));

  std::array<std::uint8_t, kLane> rest;
  const __m128i reversed = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(rest.data()), _mm_shuffle_epi8(value, reversed));
  return crc64_tables({at, left}, crc64_tables(rest, 0));
}

bool crc64_folds() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return false;
  return (c & bit_PCLMUL) != 0 && (c & bit_SSSE3) != 0;
}

}  // namespace sagittal::igtl::detail

#else

namespace sagittal::igtl::detail {

std::uint64_t crc64_folding(ByteView bytes, std::uint64_t before) { return crc64_tables(bytes, before); }
bool crc64_folds() { return false; }

}  // namespace sagittal::igtl::detail

#endif
