#include "nn/cpu/vector_avx512.h"

#include "nn/cpu/conv/kernels_table.h"

namespace sagittal::nn::cpu::conv {

const Kernels<float>& avx512_fp32() {
  static constexpr Kernels<float> kernels = float_lines<float, 4, 2>("AVX-512");
  return kernels;
}

const Kernels<Bf16>& avx512_fp32_of_bf16() {
  static constexpr Kernels<Bf16> kernels = float_lines<Bf16, 4, 2>("AVX-512");
  return kernels;
}

}  // namespace sagittal::nn::cpu::conv
