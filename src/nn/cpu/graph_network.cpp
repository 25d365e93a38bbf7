#include "nn/cpu/graph_network.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/buffer_pool.h"
#include "base/error.h"
#include "base/machine.h"
#include "nn/cpu/graph_steps.h"
#include "nn/cpu/onednn.h"
#include "nn/cpu/steps.h"

namespace sagittal::nn::cpu {
namespace {

using dnnl::memory;
constexpr std::size_t kIdleBytes = std::size_t{1} << 28;
constexpr int kNoNode = -1;
constexpr std::int64_t kSmall =
    300'000'000;  // multiply-adds; below it, threads wait for each other more than they help

/// y = x * scale + shift, per channel.
struct Affine {
  std::vector<float> scale, shift;
};

class Builder {
 public:
  Builder(const GraphModel& model, Program& program)
      : graph_(model.graph), weights_(model.weights), program_(program), engine_(dnnl::engine::kind::cpu, 0) {}
  void build();

 private:
  const GraphNode& node(int value) const {
    return graph_.nodes[static_cast<std::size_t>(value) - graph_.inputs.size()];
  }
  bool is_node(int value, GraphOp op) const {
    return value >= static_cast<int>(graph_.inputs.size()) && node(value).op == op;
  }
  GraphMap new_map(const GraphShape& shape);
  GraphMap& map(int value) { return maps_[static_cast<std::size_t>(value)]; }
  void fold(int value) { folded_[static_cast<std::size_t>(value)] = true; }
  bool is_made(int value) const { return maps_[static_cast<std::size_t>(value)].tensor != TensorId::none; }
  std::vector<float> values(const std::string& name) const { return to_float(*weights_.find(name)); }
  int only_reader(int value) const;
  Affine affine_of(const GraphNode& norm) const;
  PackedWeights pack(const GraphNode& convolution, const Affine* norm, const memory::desc& wanted) const;
  void add_convolution(int value);
  void add_gather(int value);
  void add_node(int value);
  GatherSource source_of(int value);
  bool joins_gather(int value) const;
  void add_step(std::unique_ptr<const Step> step, const std::vector<GraphMap>& maps);

  const Graph& graph_;
  const StateDict& weights_;
  Program& program_;
  dnnl::engine engine_;
  std::vector<std::vector<int>> readers_;  // of each value; an output of the graph is read by kNoNode
  std::vector<GraphMap> maps_;             // of each value; none: folded into another
  std::vector<bool> folded_;               // into the convolution before it
};

GraphMap Builder::new_map(const GraphShape& shape) {
  GraphMap map{TensorId::none, shape};
  map.tensor = program_.add_tensor(static_cast<std::size_t>(map.elements()) * sizeof(float));
  return map;
}

void Builder::add_step(std::unique_ptr<const Step> step, const std::vector<GraphMap>& maps) {
  std::vector<TensorId> tensors;
  for (const GraphMap& map : maps) tensors.push_back(map.tensor);
  program_.add_step(std::move(step), tensors);
}

/// The node that alone reads the value, or kNoNode.
int Builder::only_reader(int value) const {
  const auto& readers = readers_[static_cast<std::size_t>(value)];
  return readers.size() == 1 ? readers[0] : kNoNode;
}

Affine Builder::affine_of(const GraphNode& norm) const {
  const auto gamma = values(norm.name + ".gamma"), beta = values(norm.name + ".beta");
  const auto mean = values(norm.name + ".mean"), variance = values(norm.name + ".variance");
  Affine affine;
  for (std::size_t c = 0; c < gamma.size(); ++c) {
    const double scale = static_cast<double>(gamma[c]) / std::sqrt(static_cast<double>(variance[c]) + norm.epsilon);
    affine.scale.push_back(static_cast<float>(scale));
    affine.shift.push_back(static_cast<float>(static_cast<double>(beta[c]) - static_cast<double>(mean[c]) * scale));
    if (!std::isfinite(affine.scale.back()) || !std::isfinite(affine.shift.back())) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: channel {} has no finite scale; is its variance negative?", norm.name, c));
    }
  }
  return affine;
}

/// [kernel height, kernel width, inputs, outputs] with padded channels, in the layout that the primitive wants.
PackedWeights Builder::pack(const GraphNode& convolution, const Affine* norm, const memory::desc& wanted) const {
  const std::vector<float> from = values(convolution.name + ".weight");
  const std::int64_t inputs = graph_.shape_of(convolution.inputs[0]).channels, outputs = convolution.shape.channels;
  const std::int64_t stored_in = padded(static_cast<int>(inputs)), stored_out = padded(static_cast<int>(outputs));
  const memory::desc plain({stored_out, stored_in, convolution.kernel[0], convolution.kernel[1]},
                           memory::data_type::f32, memory::format_tag::hwio);
  Buffer padded_values(plain.get_size());
  float* to = padded_values.as<float>().data();
  std::fill_n(to, padded_values.as<float>().size(), 0.0F);
  for (std::int64_t tap = 0; tap < convolution.kernel[0] * convolution.kernel[1]; ++tap) {
    for (std::int64_t in = 0; in < inputs; ++in) {
      for (std::int64_t out = 0; out < outputs; ++out) {
        const float scale = norm == nullptr ? 1 : norm->scale[static_cast<std::size_t>(out)];
        to[(tap * stored_in + in) * stored_out + out] =
            from[static_cast<std::size_t>((tap * inputs + in) * outputs + out)] * scale;
      }
    }
  }
  auto bytes = std::make_shared<Buffer>(wanted.get_size());
  memory source(plain, engine_, to), target(wanted, engine_, bytes->data());
  dnnl::stream stream(engine_);
  dnnl::reorder(source, target).execute(stream, source, target);
  stream.wait();
  return {wanted, std::move(bytes)};
}

/// With the batch norm and the activation behind it, where nobody else reads what lies between.
void Builder::add_convolution(int value) {
  const GraphNode& convolution = node(value);
  const GraphMap& in = map(convolution.inputs[0]);
  int last = value;
  std::optional<Affine> norm;
  if (const int next = only_reader(last); next != kNoNode && is_node(next, GraphOp::batch_norm)) {
    norm = affine_of(node(last = next));
    fold(next);
  }
  ConvolutionShape shape;
  if (const int next = only_reader(last); next != kNoNode) {
    const GraphOp op = node(next).op;
    if (op == GraphOp::relu) shape.slope = 0;
    if (op == GraphOp::leaky_relu) shape.slope = node(next).slope;
    shape.logistic = op == GraphOp::sigmoid;
    if (op == GraphOp::relu || op == GraphOp::leaky_relu || op == GraphOp::sigmoid) fold(last = next);
  }
  const GraphMap out = map(last) = new_map(convolution.shape);
  const auto layout = [](const GraphMap& m) {
    return memory::desc({1, m.stride(), m.shape.height, m.shape.width}, memory::data_type::f32,
                        memory::format_tag::nhwc);
  };
  shape.input = layout(in);
  shape.output = layout(out);
  shape.weights = memory::desc({out.stride(), in.stride(), convolution.kernel[0], convolution.kernel[1]},
                               memory::data_type::f32, memory::format_tag::any);
  shape.bias = memory::desc({out.stride()}, memory::data_type::f32, memory::format_tag::x);
  shape.strides = {convolution.stride[0], convolution.stride[1]};
  shape.gaps = {convolution.dilation[0] - 1, convolution.dilation[1] - 1};
  shape.padding_before = {convolution.padding.top, convolution.padding.left};
  shape.padding_after = {convolution.padding.bottom, convolution.padding.right};
  std::vector<float> bias(static_cast<std::size_t>(convolution.shape.channels), 0.0F);
  if (convolution.bias) bias = values(convolution.name + ".bias");
  for (std::size_t c = 0; norm && c < bias.size(); ++c) bias[c] = bias[c] * norm->scale[c] + norm->shift[c];
  // the sigmoid of a channel that is not there would not be 0
  bias.resize(static_cast<std::size_t>(out.stride()), shape.logistic ? -std::numeric_limits<float>::max() : 0.0F);

  const auto description = describe_convolution(engine_, shape);
  const TensorId scratch = program_.add_tensor(description.scratchpad_desc().get_size());
  const std::array tensors{in.tensor, out.tensor, scratch};
  program_.add_step(make_convolution_step(engine_, description,
                                          pack(convolution, norm ? &*norm : nullptr, description.weights_desc()),
                                          std::move(bias), tensors),
                    tensors);
}

/// Whether a value is best made by the one who reads it, as he copies it.
bool Builder::joins_gather(int value) const {
  const int reader = only_reader(value);
  if (reader == kNoNode) return false;
  const GraphNode& next = node(reader);
  const bool copies = next.op == GraphOp::concat || (next.op == GraphOp::upsample && !next.bilinear);
  if (is_node(value, GraphOp::batch_norm)) return copies;
  return is_node(value, GraphOp::upsample) && !node(value).bilinear && next.op == GraphOp::concat;
}

/// The value as a source of the node that reads it, with what was left to that node.
GatherSource Builder::source_of(int value) {
  GatherSource source;
  while (!is_made(value)) {
    const GraphNode& left = node(value);
    if (left.op == GraphOp::upsample) {
      source.factor = left.factor;
    } else {
      Affine affine = affine_of(left);
      source.scale = std::move(affine.scale);
      source.shift = std::move(affine.shift);
    }
    value = left.inputs[0];
  }
  source.map = map(value);
  return source;
}

void Builder::add_gather(int value) {
  if (joins_gather(value)) return;
  std::vector<GatherSource> sources;
  std::vector<GraphMap> maps{map(value) = new_map(node(value).shape)};
  if (node(value).op == GraphOp::concat) {
    for (const int input : node(value).inputs) sources.push_back(source_of(input));
  } else {
    map(value).tensor = TensorId::none;  // for source_of: not made yet
    sources.push_back(source_of(value));
    map(value) = maps[0];
  }
  for (const GatherSource& source : sources) maps.push_back(source.map);
  add_step(make_gather(std::move(sources), maps[0]), maps);
}

void Builder::add_node(int value) {
  if (folded_[static_cast<std::size_t>(value)]) return;
  const GraphNode& added = node(value);
  switch (added.op) {
    case GraphOp::conv2d:
      return add_convolution(value);
    case GraphOp::batch_norm:
    case GraphOp::concat:
      return add_gather(value);
    case GraphOp::upsample:
      if (!added.bilinear) return add_gather(value);
      break;
    default:
      break;
  }
  std::vector<GraphMap> sources;
  for (const int input : added.inputs) sources.push_back(map(input));
  const GraphMap to = map(value) = new_map(added.shape);
  std::unique_ptr<const Step> step;
  if (added.op == GraphOp::add) {
    step = make_add(sources, to);
  } else if (added.op == GraphOp::upsample) {
    step = make_bilinear(sources[0], to);
  } else if (added.op == GraphOp::max_pool || added.op == GraphOp::avg_pool) {
    step = make_graph_pool(added, sources[0], to);
  } else {
    step = make_graph_activation(added, sources[0], to);
  }
  sources.push_back(to);
  add_step(std::move(step), sources);
}

void Builder::build() {
  const int inputs = static_cast<int>(graph_.inputs.size());
  readers_.resize(static_cast<std::size_t>(graph_.value_count()));
  maps_.resize(readers_.size());
  folded_.resize(readers_.size());
  for (int value = inputs; value < graph_.value_count(); ++value) {
    for (const int input : node(value).inputs) readers_[static_cast<std::size_t>(input)].push_back(value);
  }
  for (const int output : graph_.outputs) readers_[static_cast<std::size_t>(output)].push_back(kNoNode);
  for (int value = 0; value < inputs; ++value) {
    map(value) = new_map(graph_.shape_of(value));
    add_step(make_graph_input(static_cast<std::size_t>(value), map(value)), {map(value)});
  }
  for (int value = inputs; value < graph_.value_count(); ++value) add_node(value);
  for (std::size_t n = 0; n < graph_.outputs.size(); ++n) {
    add_step(make_graph_output(n, map(graph_.outputs[n])), {map(graph_.outputs[n])});
  }
  program_.plan();
}

int default_threads(const Graph& graph) { return graph.multiply_adds() < kSmall ? 1 : available_cores(); }

class CpuGraphNetwork final : public GraphNetwork {
 public:
  CpuGraphNetwork(const GraphModel& model, int threads)
      : graph_(model.graph), threads_(threads > 0 ? threads : default_threads(graph_)), arenas_(kIdleBytes, true) {
    check_weights(model.graph, model.weights);
    const OmpThreads scope(threads_);  // kernels are chosen for the number of threads
    Builder(model, program_).build();
  }

  const Graph& graph() const override { return graph_; }

  void run(std::span<const std::span<const float>> inputs, std::span<const std::span<float>> outputs) const override {
    bool fits = inputs.size() == graph_.inputs.size() && outputs.size() == graph_.outputs.size();
    for (std::size_t n = 0; fits && n < inputs.size(); ++n) {
      fits = inputs[n].size() == static_cast<std::size_t>(graph_.inputs[n].shape.elements());
    }
    for (std::size_t n = 0; fits && n < outputs.size(); ++n) {
      fits = outputs[n].size() == static_cast<std::size_t>(graph_.shape_of(graph_.outputs[n]).elements());
    }
    if (!fits) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: inputs or outputs are not as many or as large as its own", graph_.name));
    }
    BorrowedBuffer arena(arenas_, program_.arena_bytes());
    const OmpThreads scope(threads_);
    program_.run(arena.data(), threads_, inputs, outputs);
  }

  std::string description() const override {
    const dnnl_version_t* version = dnnl_version();
    return fmt::format("oneDNN {}.{}.{}, fp32, {} threads", version->major, version->minor, version->patch, threads_);
  }

 private:
  Graph graph_;
  int threads_;
  Program program_;
  mutable BufferPool arenas_;
};

}  // namespace

std::shared_ptr<const GraphNetwork> make_graph_network(const GraphModel& model, int threads) {
  return std::make_shared<CpuGraphNetwork>(model, threads);
}

}  // namespace sagittal::nn::cpu
