#pragma once
#include "nn/cpu/network.h"

namespace sagittal::nn::cpu {

/// Floating-point operations a second (a multiplication with addition is two) that so many threads reach from and to
/// registers, measured for some milliseconds with the kernels that a network of this precision uses; 0 where there are
/// none of our own. bf16 is that of its products where the processor has them, else that of floats.
double measure_peak(Precision precision, int threads);

}  // namespace sagittal::nn::cpu
