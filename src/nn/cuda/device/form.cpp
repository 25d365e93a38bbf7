#include "nn/cuda/device/form.h"

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::nn::cuda {
namespace {

/// `count` blocks of voxels, channels last, `pitch` channels from one voxel to the next.
TensorForm channels_last(std::int64_t count, std::int64_t channels, const SpatialSize& size, std::int64_t pitch) {
  return {{count, channels, size[0], size[1], size[2]},
          {size[0] * size[1] * size[2] * pitch, 1, size[1] * size[2] * pitch, size[2] * pitch, pitch}};
}

void check_channels(const char* which, int channels, int pitch) {
  if (channels <= 0 || channels % kOctet != 0 || pitch % kOctet != 0 || pitch < channels) {
    throw Error(ErrorCode::unsupported, fmt::format("a convolution with {} {} channels, {} from voxel to voxel, "
                                                    "expected multiples of {}",
                                                    channels, which, pitch, kOctet));
  }
}

}  // namespace

ConvolutionForm form(const Convolution& convolution) {
  check_channels("input", convolution.in_channels, convolution.in_pitch);
  check_channels("output", convolution.out_channels, convolution.out_pitch);
  ConvolutionForm made;
  SpatialSize out{};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const std::int64_t kernel = convolution.kernel[axis], stride = convolution.stride[axis];
    if (kernel < 1 || kernel % 2 == 0 || stride < 1 || convolution.size[axis] < 1) {
      throw Error(ErrorCode::unsupported,
                  fmt::format("a convolution of {} voxels with a kernel of {} in steps of {}, expected an odd kernel",
                              convolution.size[axis], kernel, stride));
    }
    made.padding[axis] = (kernel - 1) / 2;
    out[axis] = (convolution.size[axis] - 1) / stride + 1;
  }
  made.stride = convolution.stride;
  made.in = channels_last(1, convolution.in_channels, convolution.size, convolution.in_pitch);
  made.weights =
      channels_last(convolution.out_channels, convolution.in_channels, convolution.kernel, convolution.in_channels);
  made.out = channels_last(1, convolution.out_channels, out, convolution.out_pitch);
  return made;
}

std::size_t span_bytes(const TensorForm& tensor) {
  std::int64_t last = 0;
  for (std::size_t axis = 0; axis < tensor.size.size(); ++axis) last += (tensor.size[axis] - 1) * tensor.stride[axis];
  return static_cast<std::size_t>(last + 1) * sizeof(Half);
}

Convolution without_gaps(const Convolution& convolution) {
  Convolution dense = convolution;
  dense.in_pitch = dense.in_channels;
  dense.out_pitch = dense.out_channels;
  return dense;
}

}  // namespace sagittal::nn::cuda
