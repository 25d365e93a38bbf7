#pragma once
#include "nn/architecture.h"
#include "nn/cpu/steps.h"

namespace sagittal::nn::cpu {

/// Adds all steps of the network for one input size to the workshop's program, which is then still to be planned. T is
/// float or Bf16: the type of everything between input and logits.
template <class T>
void build_network(Workshop& shop, const UNet& network, const SpatialSize& size);

}  // namespace sagittal::nn::cpu
