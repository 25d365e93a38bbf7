#include <algorithm>

#include "nn/cuda/device/launch.h"

namespace sagittal::nn::cuda {
namespace {

constexpr int kThreads = 256;
constexpr Index kBlocks = 1 << 16;

template <class K>
__global__ void __launch_bounds__(kThreads) each(K kernel, Index count) {
  const Index step = static_cast<Index>(gridDim.x) * kThreads;
  for (Index index = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x; index < count; index += step) kernel(index);
}

}  // namespace

cudaError_t launch(const Kernel& kernel, cudaStream_t stream) {
  return std::visit(
      [stream]<class K>(const K& one) {
        const Index count = one.count();
        if (count <= 0) return cudaSuccess;
        const auto blocks = static_cast<unsigned>(std::min((count + kThreads - 1) / kThreads, kBlocks));
        each<<<blocks, kThreads, 0, stream>>>(one, count);
        return cudaGetLastError();
      },
      kernel);
}

}  // namespace sagittal::nn::cuda
