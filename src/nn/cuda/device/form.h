#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "nn/cuda/card.h"

namespace sagittal::nn::cuda {

/// A tensor as cuDNN is told of it: one image (or all filters), channels, then d, h, w; strides in elements.
struct TensorForm {
  std::array<std::int64_t, 5> size{}, stride{};
};

/// A convolution as cuDNN is told of it.
struct ConvolutionForm {
  TensorForm in, weights, out;
  SpatialSize padding{}, stride{};
};

/// Throws Error(unsupported) where a kernel's size is even, channels are no multiples of kOctet, or a pitch is too
/// small.
ConvolutionForm form(const Convolution& convolution);

/// Bytes from a tensor's first element to behind its last.
std::size_t span_bytes(const TensorForm& tensor);

/// The same with channels from voxel to voxel without gaps.
Convolution without_gaps(const Convolution& convolution);

}  // namespace sagittal::nn::cuda
