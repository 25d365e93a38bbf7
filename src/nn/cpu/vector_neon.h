// Vector and Octet for the files compiled for aarch64. In an unnamed namespace, see kernels_template.h.
#pragma once
#include <arm_neon.h>

#include <cstring>

#include "nn/cpu/kernels.h"

namespace sagittal::nn::cpu {
namespace {

struct Vector {
  static constexpr int kLanes = 4;
  float32x4_t lanes;

  static Vector zero() { return fill(0); }
  static Vector fill(float x) { return {vdupq_n_f32(x)}; }
  static Vector load(const float* p) { return {vld1q_f32(p)}; }
  static Vector load(const Bf16* p) {
    uint16x4_t halves;
    std::memcpy(&halves, p, sizeof(halves));
    return {vreinterpretq_f32_u32(vshll_n_u16(halves, 16))};
  }
  void store(float* p) const { vst1q_f32(p, lanes); }
  /// Rounds to nearest, ties to even; a NaN stays one.
  void store(Bf16* p) const {
    const uint32x4_t bits = vreinterpretq_u32_f32(lanes);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    const uint32x4_t quiet = vorrq_u32(bits, vdupq_n_u32(0x400000));
    const uint16x4_t halves = vshrn_n_u32(vbslq_u32(vceqq_f32(lanes, lanes), rounded, quiet), 16);
    std::memcpy(p, &halves, sizeof(halves));
  }
};
inline Vector operator+(Vector a, Vector b) { return {vaddq_f32(a.lanes, b.lanes)}; }
inline Vector operator-(Vector a, Vector b) { return {vsubq_f32(a.lanes, b.lanes)}; }
inline Vector operator*(Vector a, Vector b) { return {vmulq_f32(a.lanes, b.lanes)}; }
inline Vector max(Vector a, Vector b) { return {vmaxq_f32(a.lanes, b.lanes)}; }
inline Vector fma(Vector a, Vector b, Vector c) { return {vfmaq_f32(c.lanes, a.lanes, b.lanes)}; }

/// rows[i][j] and rows[j][i] change places.
inline void transpose(Vector* const (&rows)[4]) {
  const auto doubles = [](float32x4_t x) { return vreinterpretq_f64_f32(x); };
  const auto floats = [](float64x2_t x) { return vreinterpretq_f32_f64(x); };
  float32x4_t even[2], odd[2];
  for (int i = 0; i < 2; ++i) {
    even[i] = vtrn1q_f32(rows[2 * i]->lanes, rows[2 * i + 1]->lanes);
    odd[i] = vtrn2q_f32(rows[2 * i]->lanes, rows[2 * i + 1]->lanes);
  }
  rows[0]->lanes = floats(vtrn1q_f64(doubles(even[0]), doubles(even[1])));
  rows[1]->lanes = floats(vtrn1q_f64(doubles(odd[0]), doubles(odd[1])));
  rows[2]->lanes = floats(vtrn2q_f64(doubles(even[0]), doubles(even[1])));
  rows[3]->lanes = floats(vtrn2q_f64(doubles(odd[0]), doubles(odd[1])));
}

}  // namespace
}  // namespace sagittal::nn::cpu

#include "nn/cpu/octet_template.h"
