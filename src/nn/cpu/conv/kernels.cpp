#include "nn/cpu/conv/kernels.h"

#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include "nn/cpu/conv/agreement.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// The widest first; `narrow` are those that wider ones replace.
template <class T>
struct Found {
  std::vector<const Kernels<T>*> all;
  std::size_t narrow = 0;
};

template <class T>
Found<T> find_kernels() {
  Found<T> found;
#ifdef SAGITTAL_X86_64
  // As select_kernels() does, oneDNN's answer honours ONEDNN_MAX_CPU_ISA.
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto has = [isa](dnnl::cpu_isa set) {
    return (isa & static_cast<unsigned>(set)) == static_cast<unsigned>(set);
  };
  const bool avx512 = has(dnnl::cpu_isa::avx512_core);
  if constexpr (sizeof(T) == sizeof(float)) {
    if (avx512) found.all.push_back(&avx512_fp32());
    if (has(dnnl::cpu_isa::avx2)) found.all.push_back(&avx2_fp32());
  } else {
#ifdef SAGITTAL_AMX
    // Not used where this very processor does not compute what AVX-512 does.
    if (has(dnnl::cpu_isa::avx512_core_amx) && permit_amx() && agree(amx_bf16(), avx512_bf16())) {
      found.all.push_back(&amx_bf16());
    }
#endif
    const bool amx = !found.all.empty();
    if (has(dnnl::cpu_isa::avx512_core_bf16)) found.all.push_back(&avx512_bf16());
    if (avx512) found.all.push_back(&avx512_fp32_of_bf16());
    if (has(dnnl::cpu_isa::avx2)) found.all.push_back(&avx2_fp32_of_bf16());
    if (amx) found.narrow = found.all.size() - 1;
  }
  if (avx512 && found.narrow == 0) found.narrow = 1;
#endif
#ifdef SAGITTAL_AARCH64
  if constexpr (sizeof(T) == sizeof(float)) {
    found.all.push_back(&neon_fp32());
  } else {
    found.all.push_back(&neon_fp32_of_bf16());
  }
#endif
  return found;
}

template <class T>
const Found<T>& found_kernels() {
  static const Found<T> found = find_kernels<T>();
  return found;
}

}  // namespace

template <class T>
std::span<const Kernels<T>* const> available_kernels() {
  return found_kernels<T>().all;
}

template <class T>
std::span<const Kernels<T>* const> widest_kernels() {
  return std::span(found_kernels<T>().all).first(found_kernels<T>().all.size() - found_kernels<T>().narrow);
}

template std::span<const Kernels<float>* const> available_kernels<float>();
template std::span<const Kernels<Bf16>* const> available_kernels<Bf16>();
template std::span<const Kernels<float>* const> widest_kernels<float>();
template std::span<const Kernels<Bf16>* const> widest_kernels<Bf16>();

}  // namespace sagittal::nn::cpu::conv
