// Vector and Octet for the files compiled for AVX2. In an unnamed namespace, see kernels_template.h.
#pragma once
#include "nn/cpu/octet_avx2.h"

namespace sagittal::nn::cpu {
namespace {

using Vector = Octet;

}  // namespace
}  // namespace sagittal::nn::cpu
