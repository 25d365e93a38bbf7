#include "nn/network_checks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace sagittal::nn {
namespace {
constexpr std::int64_t kMaxVoxels = std::int64_t{1} << 31;
}

std::int64_t checked_voxels(const UNet& network, const SpatialSize& size) {
  const SpatialSize unit = network.total_stride();
  std::int64_t voxels = 1;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (size[axis] < 1 || size[axis] % unit[axis] != 0 || size[axis] > kMaxVoxels / voxels) {
      throw Error(ErrorCode::bad_input, fmt::format("network input of {} voxels, expected multiples of {}",
                                                    fmt::join(size, " x "), fmt::join(unit, " x ")));
    }
    voxels *= size[axis];
  }
  return voxels;
}

void check_run(const UNet& network, const SpatialSize& size, std::size_t inputs, std::size_t outputs) {
  const std::int64_t voxels = checked_voxels(network, size);
  const auto expected = [voxels](int channels) { return static_cast<std::size_t>(voxels * channels); };
  if (inputs != expected(network.input_channels) || outputs != expected(network.output_channels)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("network arrays of {} and {} values, expected {} and {}", inputs, outputs,
                            expected(network.input_channels), expected(network.output_channels)));
  }
}

void check_parameters(const UNet& network, const StateDict& weights) {
  for (const Parameter& parameter : parameters_of(network)) {
    const TensorView* found = weights.find(parameter.name);
    if (found == nullptr || found->shape != parameter.shape) {
      throw Error(ErrorCode::bad_input, fmt::format("the weights lack {}, or it has another shape than [{}]",
                                                    parameter.name, fmt::join(parameter.shape, ", ")));
    }
  }
}

}  // namespace sagittal::nn
