#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nn/architecture.h"
#include "nn/tensor.h"

namespace sagittal::nn {

/// One operation of a two-dimensional network. Feature maps are [height, width, channels], C order.
enum class GraphOp {
  conv2d,      ///< cross-correlation, zeros beyond the edges
  batch_norm,  ///< (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel
  relu,
  leaky_relu,  ///< max(x, slope * x)
  sigmoid,
  softmax,   ///< over the channels
  upsample,  ///< each pixel `factor` times on each axis, or bilinear with the outer edges aligned
  max_pool,
  avg_pool,  ///< over the pixels that are there: padding does not count
  concat,    ///< of channels
  add,
};

struct GraphShape {
  std::int64_t height = 0, width = 0, channels = 0;
  std::int64_t elements() const { return height * width * channels; }
  bool operator==(const GraphShape&) const = default;
};

/// Pixels of nothing around a feature map.
struct Padding {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
};

struct GraphNode {
  std::string name;
  GraphOp op = GraphOp::relu;
  std::vector<int> inputs;  ///< values: first the graph's inputs, then what each node before gives
  GraphShape shape;         ///< of what it gives
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1}, factor{1, 1};  ///< vertical, horizontal
  Padding padding;
  bool bias = false;      ///< conv2d
  bool bilinear = false;  ///< upsample
  float slope = 0;        ///< leaky_relu, at most 1
  double epsilon = 0;     ///< batch_norm
};

/// What is done to an image before it is an input: values are divided by the largest of the image as it comes, pixels
/// averaged to the input's size, rows turned.
struct GraphPreprocessing {
  bool divide_by_maximum = false;
  bool flip_vertically = false;  ///< and what comes out is flipped back
};

struct GraphInput {
  std::string name;
  GraphShape shape;
};

/// A feed-forward network for images of one size, as network.json describes it.
struct Graph {
  std::string name;
  std::vector<GraphInput> inputs;
  std::vector<GraphNode> nodes;
  std::vector<int> outputs;         ///< values
  std::vector<std::string> labels;  ///< of the first output's channels; may be empty
  GraphPreprocessing preprocessing;

  int value_count() const { return static_cast<int>(inputs.size() + nodes.size()); }
  const GraphShape& shape_of(int value) const;
  const std::string& name_of(int value) const;
  std::int64_t multiply_adds() const;  ///< of one image
};

/// Reads network.json. Throws Error naming `what`: bad_input for contradictions, unsupported for operations and
/// versions that it does not know, too_large beyond 1024 nodes, 2^26 values in a feature map, 2^28 in all of them or
/// 2^40 multiply-adds.
Graph parse_graph(std::string_view text, std::string_view what);

/// "<node>.weight" [kernel height, kernel width, inputs, outputs] and "<node>.bias" of convolutions; "<node>.gamma",
/// ".beta", ".mean", ".variance" of batch norms.
std::vector<Parameter> parameters_of(const Graph& graph);

struct GraphModel {
  Graph graph;
  StateDict weights;  ///< exactly the parameters, float32 or float16
};

/// A folder with network.json and weights.safetensors, as python/convert_keras.py writes it. Throws Error(not_found |
/// bad_input | unsupported | too_large).
GraphModel open_graph_model(const std::filesystem::path& folder);

/// Throws Error(bad_input) unless `weights` holds exactly the parameters of `graph`, all of them finite.
void check_weights(const Graph& graph, const StateDict& weights);

}  // namespace sagittal::nn
