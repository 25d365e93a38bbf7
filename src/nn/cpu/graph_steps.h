#pragma once
#include <memory>
#include <vector>

#include "nn/cpu/activation.h"
#include "nn/cpu/program.h"
#include "nn/graph/graph.h"

namespace sagittal::nn::cpu {

/// A feature map [height, width, padded(channels)] in the arena; channels beyond the last are 0.
struct GraphMap {
  TensorId tensor = TensorId::none;
  GraphShape shape;

  std::int64_t stride() const { return padded(static_cast<int>(shape.channels)); }  // from pixel to pixel
  std::int64_t elements() const { return shape.height * shape.width * stride(); }
};

/// Channels of a gathered map: x * scale + shift of another map, each pixel repeated `factor` times.
struct GatherSource {
  GraphMap map;
  std::array<std::int64_t, 2> factor{1, 1};
  std::vector<float> scale, shift;  // empty: 1 and 0
};

// Steps of a graph other than convolutions. None allocates when it runs.

std::unique_ptr<const Step> make_graph_input(std::size_t index, const GraphMap& to);
std::unique_ptr<const Step> make_graph_output(std::size_t index, const GraphMap& from);
/// Upsampling by repetition, concatenation and batch norm in one pass.
std::unique_ptr<const Step> make_gather(std::vector<GatherSource> sources, const GraphMap& to);
std::unique_ptr<const Step> make_add(const std::vector<GraphMap>& sources, const GraphMap& to);
/// relu, leaky_relu, sigmoid, softmax.
std::unique_ptr<const Step> make_graph_activation(const GraphNode& node, const GraphMap& from, const GraphMap& to);
/// max_pool, avg_pool.
std::unique_ptr<const Step> make_graph_pool(const GraphNode& node, const GraphMap& from, const GraphMap& to);
std::unique_ptr<const Step> make_bilinear(const GraphMap& from, const GraphMap& to);

}  // namespace sagittal::nn::cpu
