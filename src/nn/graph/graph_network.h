#pragma once
#include <span>
#include <string>

#include "nn/graph/graph.h"

namespace sagittal::nn {

/// A graph ready to run: immutable. Any number of threads may call `run` at once; each concurrent run borrows a
/// workspace, which is kept for the next.
class GraphNetwork {
 public:
  virtual ~GraphNetwork() = default;

  virtual const Graph& graph() const = 0;
  /// One image through the network: inputs and outputs in the order of the graph, each [height, width, channels], C
  /// order. Throws Error(bad_input) where a span has another size.
  virtual void run(std::span<const std::span<const float>> inputs, std::span<const std::span<float>> outputs) const = 0;
  /// What runs underneath, for people: "oneDNN 2.6.3, fp32, 2 threads".
  virtual std::string description() const = 0;
};

}  // namespace sagittal::nn
