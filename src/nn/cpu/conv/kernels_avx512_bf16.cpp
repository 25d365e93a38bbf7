#include "nn/cpu/vector_avx512.h"

#include "nn/cpu/conv/pack_template.h"
#include "nn/cpu/conv/panel_template.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// Two neighbouring bf16 channels; the processor multiplies them exactly and adds both to the float.
struct PairStep {
  static constexpr int kChannels = 2;
  struct Word {
    __m512i pairs;
  };
  static Word spread(const std::byte* step) {
    int pair;
    std::memcpy(&pair, step, sizeof(pair));
    return {_mm512_set1_epi32(pair)};
  }
  static Word load(const std::byte* words) { return {_mm512_loadu_si512(words)}; }
  static Vector multiply_add(Word x, Word weights, Vector sum) {
    return {
        _mm512_dpbf16_ps(sum.lanes, reinterpret_cast<__m512bh>(x.pairs), reinterpret_cast<__m512bh>(weights.pairs))};
  }
};

}  // namespace

const Kernels<Bf16>& avx512_bf16() {
  static constexpr Kernels<Bf16> kernels{"AVX-512 bf16",        2 * kSteps,     4,
                                         panel<PairStep, 4, 2>, spin<PairStep>, pack<Bf16, Bf16>,
                                         store<Bf16>,           nullptr,        nullptr};
  return kernels;
}

}  // namespace sagittal::nn::cpu::conv
