#pragma once
#include <memory>
#include <optional>
#include <string>

#include "nn/architecture.h"
#include "nn/network.h"
#include "nn/tensor.h"

namespace sagittal::nn {

/// A small residual network of random weights, with every kind of layer that a card computes.
struct Sample {
  Sample();

  UNet network;
  StateDict weights;
  SpatialSize size{16, 16, 16};
};

/// Runs both on the same noise. Nothing where every logit of `candidate` differs from `reference`'s by less than a
/// twentieth of their standard deviation, else a sentence that says by how much. Throws what their runs throw.
std::optional<std::string> disagreement(const Network& candidate, const Network& reference, const SpatialSize& size);

}  // namespace sagittal::nn
