// Included once per instruction set, last. In an unnamed namespace, see kernels_template.h.
#pragma once
#include "nn/cpu/conv/pack_template.h"
#include "nn/cpu/conv/panel_template.h"
#include "nn/cpu/conv/winograd_template.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// Lines of floats, of activations of type T.
template <class T, int kUnit, int kTogether, class Step = FloatStep>
constexpr Kernels<T> float_lines(std::string_view name) {
  return {name,     kSteps,     kUnit,      panel<Step, kUnit, kTogether>, spin<Step>, pack<T, float>,
          store<T>, tile_input, tile_output};
}

}  // namespace
}  // namespace sagittal::nn::cpu::conv
