#pragma once
#include "nn/cpu/conv/kernels.h"

namespace sagittal::nn::cpu::conv {

/// Whether two sets compute equal panels: of all numbers of rows and groups, of integers whose sums are exact
/// in any order. Takes some tenths of a millisecond.
bool agree(const Kernels<Bf16>& one, const Kernels<Bf16>& other);

}  // namespace sagittal::nn::cpu::conv
