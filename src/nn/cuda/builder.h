#pragma once
#include "nn/architecture.h"
#include "nn/cuda/program.h"
#include "nn/cuda/weights.h"

namespace sagittal::nn::cuda {

/// All that a pass of the network does for one input size, with the weights put onto the card. Maps are half precision,
/// norms and logits float32. The encoder writes what the decoder joins straight into the joint map.
Program build_program(const UNet& network, const SpatialSize& size, CardWeights& weights, Card& card);

}  // namespace sagittal::nn::cuda
