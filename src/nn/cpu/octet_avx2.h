// Eight floats in one AVX2 register, for the files compiled for AVX2 or AVX-512. In an unnamed namespace, see
// kernels_template.h.
#pragma once
#include <immintrin.h>

#include "nn/cpu/kernels.h"

namespace sagittal::nn::cpu {
namespace {

struct Octet {
  static constexpr int kLanes = 8;
  __m256 lanes;

  static Octet zero() { return {_mm256_setzero_ps()}; }
  static Octet fill(float x) { return {_mm256_set1_ps(x)}; }
  static Octet load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Octet load(const Bf16* p) {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return {_mm256_castsi256_ps(_mm256_slli_epi32(wide, 16))};
  }
  void store(float* p) const { _mm256_storeu_ps(p, lanes); }
  /// Rounds to nearest, ties to even; a NaN stays one.
  void store(Bf16* p) const {
    const __m256i bits = _mm256_castps_si256(lanes);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    const __m256 is_nan = _mm256_cmp_ps(lanes, lanes, _CMP_UNORD_Q);
    const __m256i chosen =
        _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(rounded), _mm256_castsi256_ps(quiet), is_nan));
    const __m256i halves = _mm256_srli_epi32(chosen, 16);
    const __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
  }
};
inline Octet operator+(Octet a, Octet b) { return {_mm256_add_ps(a.lanes, b.lanes)}; }
inline Octet operator-(Octet a, Octet b) { return {_mm256_sub_ps(a.lanes, b.lanes)}; }
inline Octet operator*(Octet a, Octet b) { return {_mm256_mul_ps(a.lanes, b.lanes)}; }
inline Octet max(Octet a, Octet b) { return {_mm256_max_ps(a.lanes, b.lanes)}; }
inline Octet fma(Octet a, Octet b, Octet c) { return {_mm256_fmadd_ps(a.lanes, b.lanes, c.lanes)}; }

/// rows[i][j] and rows[j][i] change places.
inline void transpose(Octet (&rows)[8]) {
  __m256 a[8], b[8];
  for (int i = 0; i < 8; i += 2) {
    a[i] = _mm256_unpacklo_ps(rows[i].lanes, rows[i + 1].lanes);
    a[i + 1] = _mm256_unpackhi_ps(rows[i].lanes, rows[i + 1].lanes);
  }
  for (int i = 0; i < 8; i += 4) {
    b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
    b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
    b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
    b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    rows[i].lanes = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
    rows[i + 4].lanes = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu
