#pragma once
#include <span>

#include "nn/architecture.h"
#include "nn/tensor.h"

namespace sagittal::commands {

/// The network of nnInteractive v1.0.
nn::UNet full_size_network();

/// Fills with values in [-scale, scale], always the same.
void make_noise(std::span<float> values, float scale);

/// Random weights in a mapped file, as a checkpoint's are.
nn::StateDict random_weights(const nn::UNet& network);

}  // namespace sagittal::commands
