#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "nn/graph/graph.h"

namespace sagittal::nn {
namespace {

constexpr std::size_t kMaxNodes = 1024;
constexpr std::size_t kMaxInputs = 64;
constexpr std::size_t kMaxLabels = 4096;
constexpr std::int64_t kMaxExtent = 1 << 14;
constexpr std::int64_t kMaxWindow = 256;  // kernels, strides, dilations, factors
constexpr std::int64_t kMaxMap = std::int64_t{1} << 26;
constexpr std::int64_t kMaxMaps = std::int64_t{1} << 28;
constexpr std::int64_t kMaxMultiplyAdds = std::int64_t{1} << 40;

constexpr std::pair<std::string_view, GraphOp> kOps[] = {{"conv2d", GraphOp::conv2d},
                                                         {"batch_norm", GraphOp::batch_norm},
                                                         {"relu", GraphOp::relu},
                                                         {"leaky_relu", GraphOp::leaky_relu},
                                                         {"sigmoid", GraphOp::sigmoid},
                                                         {"softmax", GraphOp::softmax},
                                                         {"upsample", GraphOp::upsample},
                                                         {"max_pool", GraphOp::max_pool},
                                                         {"avg_pool", GraphOp::avg_pool},
                                                         {"concat", GraphOp::concat},
                                                         {"add", GraphOp::add}};

class Parser {
 public:
  explicit Parser(std::string_view what) : what_(what) {}
  Graph parse(std::string_view text);

 private:
  [[noreturn]] void reject(const std::string& why, ErrorCode code = ErrorCode::bad_input) const {
    throw Error(code, fmt::format("{}: {}", what_, why));
  }
  std::vector<std::int64_t> numbers(const Json& node, const char* key, std::size_t count, std::int64_t lowest,
                                    std::int64_t highest) const;
  std::array<std::int64_t, 2> pair(const Json& node, const char* key) const {
    const auto read = numbers(node, key, 2, 1, kMaxWindow);
    return {read[0], read[1]};
  }
  void name_value(const std::string& name, int value);
  int value_named(const std::string& name) const;
  void count_map(const GraphShape& shape, const std::string& name);
  void add_input(const Json& input);
  void add_node(const Json& json);
  void read_facts(const Json& json, GraphNode& node) const;
  void read_window(const Json& json, GraphNode& node) const;
  void join(GraphNode& node) const;

  std::string what_;
  Graph graph_;
  std::map<std::string, int, std::less<>> values_;
  std::int64_t elements_ = 0, multiply_adds_ = 0;
};

std::vector<std::int64_t> Parser::numbers(const Json& node, const char* key, std::size_t count, std::int64_t lowest,
                                          std::int64_t highest) const {
  auto read = json_get<std::vector<std::int64_t>>(node, key, what_);
  const bool fits = std::all_of(read.begin(), read.end(), [&](auto n) { return n >= lowest && n <= highest; });
  if (read.size() != count || !fits) {
    reject(fmt::format("\"{}\" has to be {} numbers from {} to {}", key, count, lowest, highest));
  }
  return read;
}

void Parser::name_value(const std::string& name, int value) {
  if (name.empty() || !values_.emplace(name, value).second) {
    reject(fmt::format("\"{}\" is no name, or that of two values", name.substr(0, 80)));
  }
}

int Parser::value_named(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) reject(fmt::format("\"{}\" is used before it is made", name.substr(0, 80)));
  return found->second;
}

void Parser::count_map(const GraphShape& shape, const std::string& name) {
  const bool fits = shape.height >= 1 && shape.width >= 1 && shape.channels >= 1 && shape.height <= kMaxExtent &&
                    shape.width <= kMaxExtent && shape.channels <= kMaxExtent;
  if (!fits) {
    reject(fmt::format("\"{}\" is {} x {} x {}, expected 1 to {}", name, shape.height, shape.width, shape.channels,
                       kMaxExtent));
  }
  elements_ += shape.elements();
  if (shape.elements() > kMaxMap || elements_ > kMaxMaps)
    reject("its feature maps are too large", ErrorCode::too_large);
}

void Parser::add_input(const Json& input) {
  const auto shape = numbers(input, "shape", 3, 1, kMaxExtent);
  graph_.inputs.push_back({json_get<std::string>(input, "name", what_), {shape[0], shape[1], shape[2]}});
  const GraphInput& added = graph_.inputs.back();
  count_map(added.shape, added.name);
  name_value(added.name, static_cast<int>(graph_.inputs.size()) - 1);
}

/// Kernel, stride and padding, and the size that comes out.
void Parser::read_window(const Json& json, GraphNode& node) const {
  node.kernel = pair(json, "kernel");
  node.stride = pair(json, "stride");
  const auto padding = numbers(json, "padding", 4, 0, kMaxWindow * kMaxWindow);
  node.padding = {padding[0], padding[1], padding[2], padding[3]};
  const GraphShape& in = graph_.shape_of(node.inputs[0]);
  const auto extent = [&](std::size_t axis, std::int64_t size, std::int64_t before, std::int64_t after) {
    const std::int64_t covered = (node.kernel[axis] - 1) * node.dilation[axis] + 1;
    if (before >= covered || after >= covered) reject(fmt::format("\"{}\": windows that lie outside", node.name));
    const std::int64_t room = size + before + after - covered;
    return room < 0 ? 0 : room / node.stride[axis] + 1;
  };
  node.shape.height = extent(0, in.height, padding[0], padding[1]);
  node.shape.width = extent(1, in.width, padding[2], padding[3]);
}

void Parser::join(GraphNode& node) const {
  const GraphShape& first = graph_.shape_of(node.inputs[0]);
  node.shape.channels = node.op == GraphOp::add ? first.channels : 0;
  for (const int input : node.inputs) {
    const GraphShape& shape = graph_.shape_of(input);
    const bool fits = shape.height == first.height && shape.width == first.width;
    if (!fits || (node.op == GraphOp::add && shape != first)) {
      reject(fmt::format("\"{}\" joins feature maps of different sizes", node.name));
    }
    if (node.op == GraphOp::concat) node.shape.channels += shape.channels;
  }
}

void Parser::read_facts(const Json& json, GraphNode& node) const {
  switch (node.op) {
    case GraphOp::conv2d:
      node.dilation = pair(json, "dilation");
      node.bias = json_get<bool>(json, "bias", what_);
      node.shape.channels = json_get<std::int64_t>(json, "filters", what_);  // its range: count_map
      return read_window(json, node);
    case GraphOp::max_pool:
    case GraphOp::avg_pool:
      return read_window(json, node);
    case GraphOp::batch_norm:
      node.epsilon = json_get<double>(json, "epsilon", what_);
      if (!(node.epsilon >= 0 && node.epsilon <= 1)) reject(fmt::format("\"{}\": epsilon", node.name));
      return;
    case GraphOp::leaky_relu:
      node.slope = json_get<float>(json, "slope", what_);
      if (!(node.slope >= 0 && node.slope <= 1)) reject(fmt::format("\"{}\": slope, expected 0 to 1", node.name));
      return;
    case GraphOp::upsample: {
      node.factor = pair(json, "factor");
      const auto interpolation = json_get<std::string>(json, "interpolation", what_);
      node.bilinear = interpolation == "bilinear";
      if (!node.bilinear && interpolation != "nearest") reject(fmt::format("\"{}\": interpolation", node.name));
      node.shape.height *= node.factor[0];
      node.shape.width *= node.factor[1];
      return;
    }
    case GraphOp::concat:
    case GraphOp::add:
      return join(node);
    default:
      return;
  }
}

void Parser::add_node(const Json& json) {
  GraphNode node;
  node.name = json_get<std::string>(json, "name", what_);
  const auto op = json_get<std::string>(json, "op", what_);
  const auto* found = std::find_if(std::begin(kOps), std::end(kOps), [&](const auto& row) { return row.first == op; });
  if (found == std::end(kOps)) {
    reject(fmt::format("\"{}\" is a {}, which is not supported", node.name, op.substr(0, 40)), ErrorCode::unsupported);
  }
  node.op = found->second;
  for (const auto& name : json_get<std::vector<std::string>>(json, "inputs", what_)) {
    node.inputs.push_back(value_named(name));
  }
  const bool joins = node.op == GraphOp::concat || node.op == GraphOp::add;
  if (node.inputs.empty() || node.inputs.size() > kMaxInputs || (!joins && node.inputs.size() != 1)) {
    reject(fmt::format("\"{}\" has {} inputs", node.name, node.inputs.size()));
  }
  node.shape = graph_.shape_of(node.inputs[0]);
  read_facts(json, node);
  count_map(node.shape, node.name);
  if (node.op == GraphOp::conv2d) {
    const std::int64_t taps = node.kernel[0] * node.kernel[1] * graph_.shape_of(node.inputs[0]).channels;
    if (taps * node.shape.channels > kMaxMap) reject("its weights are too large", ErrorCode::too_large);
    multiply_adds_ += node.shape.elements() * taps;
    if (multiply_adds_ > kMaxMultiplyAdds) reject("it takes too much work", ErrorCode::too_large);
  }
  name_value(node.name, graph_.value_count());
  graph_.nodes.push_back(std::move(node));
}

Graph Parser::parse(std::string_view text) {
  const Json json = parse_json(text, what_);
  if (json_get<std::string>(json, "format", what_) != "sagittal-graph") reject("not a network of this program");
  if (const auto version = json_get<int>(json, "version", what_); version != 1) {
    reject(fmt::format("version {}, expected 1", version), ErrorCode::unsupported);
  }
  graph_.name = json_get<std::string>(json, "name", what_);
  const auto inputs = json_get<std::vector<Json>>(json, "inputs", what_);
  const auto nodes = json_get<std::vector<Json>>(json, "nodes", what_);
  const auto outputs = json_get<std::vector<std::string>>(json, "outputs", what_);
  if (nodes.size() > kMaxNodes) reject(fmt::format("{} nodes", nodes.size()), ErrorCode::too_large);
  if (inputs.empty() || inputs.size() > kMaxInputs || outputs.empty() || outputs.size() > kMaxInputs) {
    reject(fmt::format("{} inputs and {} outputs", inputs.size(), outputs.size()));
  }
  for (const Json& input : inputs) add_input(input);
  for (const Json& node : nodes) add_node(node);
  for (const std::string& name : outputs) graph_.outputs.push_back(value_named(name));
  graph_.labels = json_get_or<std::vector<std::string>>(json, "labels", what_, {});
  if (graph_.labels.size() > kMaxLabels) reject(fmt::format("{} labels", graph_.labels.size()));
  const Json before = json_get_or<Json>(json, "preprocessing", what_, Json::object());
  graph_.preprocessing.divide_by_maximum = json_get_or<bool>(before, "divide_by_maximum", what_, false);
  graph_.preprocessing.flip_vertically = json_get_or<bool>(before, "flip_vertically", what_, false);
  return std::move(graph_);
}

}  // namespace

Graph parse_graph(std::string_view text, std::string_view what) { return Parser(what).parse(text); }

}  // namespace sagittal::nn
