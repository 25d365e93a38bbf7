#include "nn/graph/graph.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "nn/safetensors.h"

namespace sagittal::nn {
namespace {

constexpr std::size_t kMaxText = 1 << 22;

bool finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

}  // namespace

const GraphShape& Graph::shape_of(int value) const {
  const auto index = static_cast<std::size_t>(value);
  return index < inputs.size() ? inputs[index].shape : nodes[index - inputs.size()].shape;
}

const std::string& Graph::name_of(int value) const {
  const auto index = static_cast<std::size_t>(value);
  return index < inputs.size() ? inputs[index].name : nodes[index - inputs.size()].name;
}

std::int64_t Graph::multiply_adds() const {
  std::int64_t sum = 0;
  for (const GraphNode& node : nodes) {
    if (node.op != GraphOp::conv2d) continue;
    sum += node.shape.elements() * node.kernel[0] * node.kernel[1] * shape_of(node.inputs[0]).channels;
  }
  return sum;
}

std::vector<Parameter> parameters_of(const Graph& graph) {
  std::vector<Parameter> parameters;
  for (const GraphNode& node : graph.nodes) {
    const std::int64_t channels = node.shape.channels;
    if (node.op == GraphOp::conv2d) {
      const std::int64_t inputs = graph.shape_of(node.inputs[0]).channels;
      parameters.push_back({node.name + ".weight", {node.kernel[0], node.kernel[1], inputs, channels}});
      if (node.bias) parameters.push_back({node.name + ".bias", {channels}});
    } else if (node.op == GraphOp::batch_norm) {
      for (const char* part : {".gamma", ".beta", ".mean", ".variance"}) {
        parameters.push_back({node.name + part, {channels}});
      }
    }
  }
  return parameters;
}

void check_weights(const Graph& graph, const StateDict& weights) {
  const std::vector<Parameter> parameters = parameters_of(graph);
  for (const auto& [name, shape] : parameters) {
    const TensorView* found = weights.find(name);
    if (found == nullptr || found->shape != shape || (found->dtype != DType::f32 && found->dtype != DType::f16)) {
      throw Error(ErrorCode::bad_input, fmt::format("the weights lack {}, or it is not [{}] of float32 or float16",
                                                    name, fmt::join(shape, ", ")));
    }
    if (!finite(to_float(*found))) throw Error(ErrorCode::bad_input, fmt::format("{} is not finite", name));
  }
  if (weights.tensors.size() != parameters.size()) {
    throw Error(ErrorCode::bad_input, fmt::format("{} weights, where the network has {} parameters",
                                                  weights.tensors.size(), parameters.size()));
  }
}

GraphModel open_graph_model(const std::filesystem::path& folder) {
  const auto file = folder / "network.json";
  GraphModel model;
  model.graph = parse_graph(as_text(read_file(file, kMaxText)), file.string());
  model.weights = read_safetensors(folder / "weights.safetensors");
  try {
    check_weights(model.graph, model.weights);
  } catch (Error& error) {
    throw error.within(folder.string());
  }
  return model;
}

}  // namespace sagittal::nn
