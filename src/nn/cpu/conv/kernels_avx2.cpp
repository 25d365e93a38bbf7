#include "nn/cpu/vector_avx2.h"

#include "nn/cpu/conv/kernels_table.h"

namespace sagittal::nn::cpu::conv {

const Kernels<float>& avx2_fp32() {
  static constexpr Kernels<float> kernels = float_lines<float, 2, 1>("AVX2");
  return kernels;
}

const Kernels<Bf16>& avx2_fp32_of_bf16() {
  static constexpr Kernels<Bf16> kernels = float_lines<Bf16, 2, 1>("AVX2");
  return kernels;
}

}  // namespace sagittal::nn::cpu::conv
