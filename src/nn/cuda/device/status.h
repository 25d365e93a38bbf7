#pragma once
#include <cuda_runtime_api.h>

#include <string_view>

namespace sagittal::nn::cuda {

/// Throws where `status` is not success: Error(too_large) where memory was short, else Error(internal); `doing` is what
/// was tried ("allocating 4 MiB"), CUDA's own text follows.
void check(cudaError_t status, std::string_view doing);

/// Makes card `index` the one that this thread's next calls mean.
void select_card(int index);

}  // namespace sagittal::nn::cuda
