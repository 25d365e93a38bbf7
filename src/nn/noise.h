#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "nn/architecture.h"
#include "nn/tensor.h"

/// Networks and inputs of no meaning, to measure and to compare with.
namespace sagittal::nn {

/// Fills with values in [-scale, scale], always the same.
void make_noise(std::span<float> values, float scale);

std::size_t element_count(const Parameter& parameter);

/// Values of a parameter, of a size that keeps feature maps near 1.
std::vector<float> noise_of(const Parameter& parameter);

/// All parameters of a network, in memory.
StateDict noise_weights(const UNet& network);

}  // namespace sagittal::nn
