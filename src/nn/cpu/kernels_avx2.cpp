#include <immintrin.h>

#include "nn/cpu/kernels.h"
#include "nn/cpu/octet_avx2.h"
#include "nn/cpu/pointwise_kernels.h"

namespace sagittal::nn::cpu {
namespace {

struct Vector {
  static constexpr int kLanes = 8;
  __m256 lanes;

  static Vector fill(float x) { return {_mm256_set1_ps(x)}; }
  static Vector zero() { return {_mm256_setzero_ps()}; }
  static Vector load(const float* p) { return {_mm256_loadu_ps(p)}; }
  void store(float* p) const { _mm256_storeu_ps(p, lanes); }
};
Vector operator+(Vector a, Vector b) { return {_mm256_add_ps(a.lanes, b.lanes)}; }
Vector operator-(Vector a, Vector b) { return {_mm256_sub_ps(a.lanes, b.lanes)}; }
Vector operator*(Vector a, Vector b) { return {_mm256_mul_ps(a.lanes, b.lanes)}; }
Vector max(Vector a, Vector b) { return {_mm256_max_ps(a.lanes, b.lanes)}; }
Vector fma(Vector a, Vector b, Vector c) { return {_mm256_fmadd_ps(a.lanes, b.lanes, c.lanes)}; }

}  // namespace
}  // namespace sagittal::nn::cpu

#include "nn/cpu/joint_template.h"
#include "nn/cpu/kernels_template.h"
#include "nn/cpu/layout_template.h"
#include "nn/cpu/pointwise_template.h"

namespace sagittal::nn::cpu {

const Kernels& avx2_kernels() {
  static constexpr KernelTable<float> table = make_table<float>();
  static constexpr PointwiseTable<float> pointwise = make_pointwise_table<float>();
  static constexpr Kernels kernels{"AVX2", &table, nullptr, &pointwise, nullptr};
  return kernels;
}

}  // namespace sagittal::nn::cpu
