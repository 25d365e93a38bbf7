#include "nn/cpu/kernels.h"
#include "nn/cpu/pointwise_kernels.h"
#include "nn/cpu/vector_neon.h"

#include "nn/cpu/joint_template.h"
#include "nn/cpu/kernels_template.h"
#include "nn/cpu/layout_template.h"
#include "nn/cpu/pointwise_template.h"

namespace sagittal::nn::cpu {

const Kernels& neon_kernels() {
  static constexpr KernelTable<float> table = make_table<float>();
  static constexpr PointwiseTable<float> pointwise = make_pointwise_table<float>();
  static constexpr Kernels kernels{"NEON", &table, nullptr, &pointwise, nullptr};
  return kernels;
}

}  // namespace sagittal::nn::cpu
