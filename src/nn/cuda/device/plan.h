#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>
#include <optional>

#include "nn/cuda/device/cudnn.h"
#include "nn/cuda/device/form.h"

namespace sagittal::nn::cuda {

/// The convolution as an operation of cuDNN's graph API: half-precision tensors with ids 0 (in), 1 (weights) and
/// 2 (out), accumulated in float32. Needs no card. Throws Error where cuDNN does not take it.
Descriptor describe(const ConvolutionForm& form);

/// One way to compute a convolution; what it was made of stays as long.
struct ConvolutionEngine {
  Descriptor configuration, plan;
  std::size_t workspace;
};

/// How a convolution is computed on one card: by an engine of cuDNN, between copies without gaps where no engine takes
/// the pitches.
class ConvolutionPlan {
 public:
  /// Of the engines that cuDNN's heuristics name first, the one with the shortest measured time whose workspace fits
  /// kWorkspaceLimit; the first of all where memory does not suffice to measure. Engines that sum in half precision
  /// or whose results vary are left out. Throws Error(unsupported) where there is none. The handle's card is selected.
  ConvolutionPlan(cudnnHandle_t handle, const Convolution& convolution);

  std::size_t workspace_bytes() const;
  /// Enqueues. Nobody else uses the handle meanwhile.
  void run(cudnnHandle_t handle, cudaStream_t stream, const Half* in, const Half* weights, Half* out,
           std::byte* workspace) const;

 private:
  Convolution asked_, computed_;  ///< computed_ has no gaps where no engine takes asked_
  ConvolutionForm form_;          ///< of computed_
  std::optional<ConvolutionEngine> engine_;
};

inline constexpr std::size_t kWorkspaceLimit = 256u << 20;  ///< bytes of one convolution

}  // namespace sagittal::nn::cuda
