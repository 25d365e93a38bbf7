#include "nn/cuda/device/status.h"

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::nn::cuda {

void check(cudaError_t status, std::string_view doing) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // forgets it, unless the card is lost to this process
  throw Error(status == cudaErrorMemoryAllocation ? ErrorCode::too_large : ErrorCode::internal,
              fmt::format("CUDA, {}: {} ({})", doing, cudaGetErrorString(status), cudaGetErrorName(status)));
}

void select_card(int index) { check(cudaSetDevice(index), fmt::format("selecting card {}", index)); }

}  // namespace sagittal::nn::cuda
