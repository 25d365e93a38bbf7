#include "nn/cpu/kernels.h"
#include "nn/cpu/pointwise_kernels.h"
#include "nn/cpu/vector_avx512.h"

#include "nn/cpu/joint_template.h"
#include "nn/cpu/kernels_template.h"
#include "nn/cpu/layout_template.h"
#include "nn/cpu/pointwise_template.h"

namespace sagittal::nn::cpu {

const Kernels& avx512_kernels() {
  static constexpr KernelTable<float> table = make_table<float>();
  static constexpr KernelTable<Bf16> bf16 = make_table<Bf16>();
  static constexpr PointwiseTable<float> pointwise = make_pointwise_table<float>();
  static constexpr PointwiseTable<Bf16> pointwise_bf16 = make_pointwise_table<Bf16>();
  static constexpr Kernels kernels{"AVX-512", &table, &bf16, &pointwise, &pointwise_bf16};
  return kernels;
}

}  // namespace sagittal::nn::cpu
