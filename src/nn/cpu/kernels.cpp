#include "nn/cpu/kernels.h"

#include <oneapi/dnnl/dnnl.hpp>

namespace sagittal::nn::cpu {

const Kernels& select_kernels() {
#ifdef SAGITTAL_X86_64
  // oneDNN's answer honours ONEDNN_MAX_CPU_ISA, so one switch tests all of the engine on older instruction sets.
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto has = [isa](dnnl::cpu_isa set) {
    return (isa & static_cast<unsigned>(set)) == static_cast<unsigned>(set);
  };
  if (has(dnnl::cpu_isa::avx512_core)) return avx512_kernels();
  if (has(dnnl::cpu_isa::avx2)) return avx2_kernels();
#endif
#ifdef SAGITTAL_AARCH64
  return neon_kernels();
#else
  return baseline_kernels();
#endif
}

}  // namespace sagittal::nn::cpu
