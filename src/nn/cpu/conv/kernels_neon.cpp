#include "nn/cpu/vector_neon.h"

#include "nn/cpu/conv/kernels_table.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// A step of floats: the voxel's value stays one, which the multiplication takes as it is.
struct LaneStep {
  static constexpr int kChannels = 1;
  using Word = Vector;
  static float spread(const std::byte* step) { return *reinterpret_cast<const float*>(step); }
  static Word load(const std::byte* words) { return FloatStep::load(words); }
  static Vector multiply_add(float x, Word weights, Vector sum) { return {vfmaq_n_f32(sum.lanes, weights.lanes, x)}; }
};

}  // namespace

const Kernels<float>& neon_fp32() {
  static constexpr Kernels<float> kernels = float_lines<float, 2, 1, LaneStep>("NEON");
  return kernels;
}

const Kernels<Bf16>& neon_fp32_of_bf16() {
  static constexpr Kernels<Bf16> kernels = float_lines<Bf16, 2, 1, LaneStep>("NEON");
  return kernels;
}

}  // namespace sagittal::nn::cpu::conv
