#pragma once
#include <cuda_runtime_api.h>

#include "nn/cuda/kernels.h"

namespace sagittal::nn::cuda {

/// Puts the kernel into the stream of the card that this thread has selected.
cudaError_t launch(const Kernel& kernel, cudaStream_t stream);

}  // namespace sagittal::nn::cuda
