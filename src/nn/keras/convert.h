#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "nn/graph/graph.h"

namespace sagittal::nn {

struct KerasOptions {
  std::string name;  ///< of the network
  GraphPreprocessing preprocessing;
  std::vector<std::string> labels;
};

/// The files of a graph's folder (see `open_graph_model`).
struct GraphFiles {
  std::string network;  ///< network.json
  Bytes weights;        ///< weights.safetensors
};

/// A functional model of Keras 2, saved as HDF5, as a graph: the same bytes as python/convert_keras.py gives. Nothing
/// in it is executed. Throws Error naming `what`: bad_input for forged files, unsupported for layers that graphs do not
/// have, too_large beyond the limits of graphs.
GraphFiles convert_keras(ByteView file, const KerasOptions& options, std::string_view what);

/// The model itself; errors as above.
GraphModel read_keras(ByteView file, const KerasOptions& options, std::string_view what);

}  // namespace sagittal::nn
