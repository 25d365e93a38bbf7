#pragma once
#include <memory>

#include "nn/graph/graph_network.h"

namespace sagittal::nn::cpu {

/// The graph on oneDNN, in float32: batch norms folded into the convolutions before them or into the copy behind them,
/// activations into the convolutions, feature maps in one block of memory that is planned here. The weights are packed;
/// `model` is not needed any more. `threads` 0: one for a small network, else available_cores(). Throws
/// Error(bad_input) where a batch norm has no finite scale.
std::shared_ptr<const GraphNetwork> make_graph_network(const GraphModel& model, int threads = 0);

}  // namespace sagittal::nn::cpu
