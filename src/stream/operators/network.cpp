#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "nn/cpu/graph_network.h"
#include "stream/operators/model_operator.h"
#include "stream/operators/operators.h"
#include "stream/operators/scalar.h"

namespace sagittal::stream {
namespace {

float maximum_of(const Frame& frame) {
  return visit_scalar(frame.type, [&]<class T>(T) {
    T largest = std::numeric_limits<T>::lowest();
    for (const T value : frame.as<T>()) largest = std::max(largest, value);
    return static_cast<float>(largest);
  });
}

/// A native network, with what network.json says of its images.
class Native final : public FrameModel {
 public:
  Native(const std::filesystem::path& folder, int threads, const std::string& output) {
    const nn::GraphModel model = nn::open_graph_model(folder);
    network_ = nn::cpu::make_graph_network(model, threads);
    const nn::Graph& graph = network_->graph();
    if (graph.inputs.size() != 1) {
      throw Error(ErrorCode::unsupported, fmt::format("{} has {} inputs, expected 1", graph.name, graph.inputs.size()));
    }
    for (std::size_t n = 0; n < graph.outputs.size(); ++n) {
      if (output == graph.name_of(graph.outputs[n])) output_ = n;
      outputs_.emplace_back(static_cast<std::size_t>(graph.shape_of(graph.outputs[n]).elements()));
    }
    if (!output.empty() && graph.name_of(graph.outputs[output_]) != output) {
      throw Error(ErrorCode::not_found, fmt::format("{} has no output \"{}\"", graph.name, output));
    }
    input_.resize(static_cast<std::size_t>(graph.inputs[0].shape.elements()));
  }

  Tensor run(const Frame& frame, FramePool& pool) override {
    const nn::Graph& graph = network_->graph();
    fill_input(frame);
    const int value = graph.outputs[output_];
    const nn::GraphShape& shape = graph.shape_of(value);
    FreshBytes fresh = pool.take(static_cast<std::size_t>(shape.elements()) * sizeof(float));
    std::vector<std::span<float>> to(outputs_.begin(), outputs_.end());
    to[output_] = fresh.as<float>();
    const std::span<const float> from(input_);
    network_->run({&from, 1}, to);
    if (graph.preprocessing.flip_vertically) flip_rows(fresh.as<float>(), shape);
    return {
        graph.name_of(value), {shape.height, shape.width, shape.channels}, std::move(fresh).share(), frame.geometry};
  }
  bool channels_first() const override { return false; }
  Json describe() const override {
    const nn::Graph& graph = network_->graph();
    return {{"name", graph.name}, {"runs_on", network_->description()}, {"labels", graph.labels}};
  }

 private:
  void fill_input(const Frame& frame) {
    const nn::Graph& graph = network_->graph();
    const nn::GraphShape& shape = graph.inputs[0].shape;
    if (frame.components != shape.channels) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{} takes {} components, the frame has {}: put a \"channels\" operator before it",
                              graph.name, shape.channels, frame.components));
    }
    const float maximum = graph.preprocessing.divide_by_maximum ? maximum_of(frame) : 1;
    const float scale = maximum > 0 && std::isfinite(maximum) ? 1 / maximum : 1;
    const auto width = static_cast<std::size_t>(shape.width * shape.channels);
    const auto last = static_cast<std::size_t>(shape.height) - 1;
    const bool flips = graph.preprocessing.flip_vertically;
    resampler_.prepare(frame.width(), frame.height(), shape.width, shape.height, Filter::area);
    visit_scalar(frame.type, [&]<class T>(T) {
      resampler_.rows(frame.as<T>().data(), frame.components, [&](std::size_t row, std::span<const float> values) {
        float* to = input_.data() + (flips ? last - row : row) * width;
        for (std::size_t n = 0; n < width; ++n) to[n] = values[n] * scale;
      });
    });
  }

  static void flip_rows(std::span<float> values, const nn::GraphShape& shape) {
    const std::int64_t width = shape.width * shape.channels;
    for (std::int64_t row = 0; row < shape.height / 2; ++row) {
      std::swap_ranges(values.begin() + row * width, values.begin() + (row + 1) * width,
                       values.begin() + (shape.height - 1 - row) * width);
    }
  }

  std::shared_ptr<const nn::GraphNetwork> network_;
  std::size_t output_ = 0;
  std::vector<float> input_;
  std::vector<std::vector<float>> outputs_;  // of those that nobody asked for
  Resampler resampler_;
};

class Network final : public ModelOperator {
  void declare(Setup& setup) override {
    setup.parameter(output_, "output", "of the network; empty: the first").fixed();
    setup.parameter(threads_, "threads", "0: one for a small network, else all cores").between(0, 256).fixed();
  }
  bool is_model(const std::filesystem::path& path) const override {
    std::error_code failure;
    return std::filesystem::is_regular_file(path / "network.json", failure);
  }
  std::unique_ptr<FrameModel> open(const std::filesystem::path& path) const override {
    return std::make_unique<Native>(path, static_cast<int>(*threads_), *output_);
  }

  Parameter<std::string> output_;
  Parameter<std::int64_t> threads_{0};
};

}  // namespace

void add_network(OperatorRegistry& registry) {
  registry.add<Network>("network", "Runs a network (a folder with network.json) on frames.");
}

}  // namespace sagittal::stream
