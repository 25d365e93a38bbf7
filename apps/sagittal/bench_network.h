#pragma once
#include "nn/architecture.h"
#include "nn/tensor.h"

namespace sagittal::commands {

/// The network of nnInteractive v1.0.
nn::UNet full_size_network();

/// Random weights in a mapped file, as a checkpoint's are.
nn::StateDict random_weights(const nn::UNet& network);

}  // namespace sagittal::commands
