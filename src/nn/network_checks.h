#pragma once
#include <cstddef>
#include <cstdint>

#include "nn/architecture.h"

namespace sagittal::nn {

/// Voxels of an input, whose sizes must be multiples of the network's strides. Throws Error(bad_input).
std::int64_t checked_voxels(const UNet& network, const SpatialSize& size);

/// Throws Error(bad_input) unless a run of that size has as many values in and out as `Network::run` says.
void check_run(const UNet& network, const SpatialSize& size, std::size_t inputs, std::size_t outputs);

/// Throws Error(bad_input) unless every parameter is there in its shape.
void check_parameters(const UNet& network, const StateDict& weights);

}  // namespace sagittal::nn
