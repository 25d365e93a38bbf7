#include "nn/keras/convert.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "nn/keras/hdf5.h"
#include "nn/safetensors.h"

namespace sagittal::nn {
namespace {

constexpr std::size_t kMaxLayers = 2048;
constexpr std::int64_t kMaxExtent = 1 << 14;
constexpr std::int64_t kMaxWindow = 256;

using Pair = std::array<std::int64_t, 2>;

struct Window {
  Pair kernel, stride, dilation{1, 1};
  std::vector<std::int64_t> padding;  // top, bottom, left, right
  Pair size{};                        // that comes out
};

class Converter {
 public:
  Converter(const Hdf5File& file, std::size_t file_size, std::string_view what)
      : file_(file), unread_(file_size), what_(what) {
    weights_ = file_.find(file_.root(), "model_weights");
  }
  void run(const Json& model);
  Json network(const KerasOptions& options) const;
  const StateDict& tensors() const { return tensors_; }

 private:
  [[noreturn]] void refuse(const std::string& why, ErrorCode code = ErrorCode::unsupported) const {
    throw Error(code, fmt::format("{}: {}", what_, why));
  }
  void expect(bool fits, const std::string& why) const {
    if (!fits) refuse(why);
  }
  std::string text(const Json& object, const char* key) const { return json_get<std::string>(object, key, what_); }
  Pair pair(const Json& config, const char* key) const;
  std::string add(const std::string& name, const char* op, Json inputs, const GraphShape& shape,
                  Json facts = Json::object());
  std::string activation(const std::string& name, const std::string& source, const std::string& kind);
  Window window(const std::string& name, const std::string& source, const Json& config, const char* kernel) const;
  void store(const std::string& tensor, const std::string& layer, const std::string& key);
  std::string input(const std::string& name, const Json& config);
  std::string convolution(const std::string& name, const Json& config, const std::string& source);
  std::string batch_norm(const std::string& name, const Json& config, const std::string& source);
  std::string pool(const std::string& name, const Json& config, const std::string& source, const char* op);
  std::string upsample(const std::string& name, const Json& config, const std::string& source);
  std::string join(const std::string& name, const std::vector<std::string>& sources, const char* op);
  std::string rectifier(const std::string& name, const Json& config, const std::string& source);
  std::string single(const std::string& kind, const std::string& name, const Json& config, const std::string& source);
  std::string layer(const Json& layer);
  bool is_ready(const Json& layer) const;
  const GraphShape& shape(const std::string& value) const { return shapes_.at(value); }

  const Hdf5File& file_;
  std::size_t unread_;  // bytes that no weight is made of yet
  std::string what_;
  Hdf5Object weights_;
  Json inputs_ = Json::array(), nodes_ = Json::array(), outputs_ = Json::array();
  StateDict tensors_;
  std::map<std::string, std::string> values_;  // of layers
  std::map<std::string, GraphShape> shapes_;   // of values
};

Pair Converter::pair(const Json& config, const char* key) const {
  const auto read = json_get<std::vector<std::int64_t>>(config, key, what_);
  const bool fits = read.size() == 2 &&
                    std::all_of(read.begin(), read.end(), [](std::int64_t n) { return n >= 1 && n <= kMaxWindow; });
  if (!fits) refuse(fmt::format("{} has to be two numbers from 1 to {}", key, kMaxWindow), ErrorCode::bad_input);
  return {read[0], read[1]};
}

std::string Converter::add(const std::string& name, const char* op, Json inputs, const GraphShape& shape, Json facts) {
  for (const std::int64_t extent : {shape.height, shape.width, shape.channels}) {
    if (extent < 1 || extent > kMaxExtent)
      refuse(fmt::format("layer {}: a size of {}", name, extent), ErrorCode::bad_input);
  }
  facts["name"] = name;
  facts["op"] = op;
  facts["inputs"] = std::move(inputs);
  nodes_.push_back(std::move(facts));
  shapes_[name] = shape;
  return name;
}

std::string Converter::activation(const std::string& name, const std::string& source, const std::string& kind) {
  expect(kind == "relu" || kind == "sigmoid" || kind == "softmax",
         fmt::format("layer {}: activation {}", name, kind.substr(0, 40)));
  return add(name, kind.c_str(), {source}, shape(source));
}

Window Converter::window(const std::string& name, const std::string& source, const Json& config,
                         const char* kernel) const {
  Window w{pair(config, kernel), pair(config, "strides"), {1, 1}, {}, {}};
  if (config.contains("dilation_rate")) w.dilation = pair(config, "dilation_rate");
  const std::string padding = text(config, "padding");
  expect(padding == "same" || padding == "valid", fmt::format("layer {}: padding {}", name, padding.substr(0, 40)));
  const std::array extents{shape(source).height, shape(source).width};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t covered = (w.kernel[axis] - 1) * w.dilation[axis] + 1, stride = w.stride[axis];
    // TensorFlow's "same": what is missing, the odd one at the end
    const std::int64_t rounded_up = (extents[axis] + stride - 1) / stride;
    const std::int64_t needed =
        padding == "same" ? std::max<std::int64_t>(0, (rounded_up - 1) * stride + covered - extents[axis]) : 0;
    w.padding.push_back(needed / 2);
    w.padding.push_back(needed - needed / 2);
    const std::int64_t room = extents[axis] + needed - covered;
    expect(room >= 0, fmt::format("layer {}: nothing comes out", name));
    w.size[axis] = room / stride + 1;
  }
  return w;
}

void Converter::store(const std::string& tensor, const std::string& layer, const std::string& key) {
  const Hdf5Object group = file_.find(weights_, layer);
  const auto names = group.texts.find("weight_names");
  std::vector<std::string> found;
  for (const std::string& name : names == group.texts.end() ? std::vector<std::string>() : names->second) {
    if (name.substr(name.rfind('/') + 1) == key + ":0") found.push_back(name);
  }
  expect(found.size() == 1, fmt::format("layer {} has {} weights called {}", layer, found.size(), key));
  auto data = file_.find(group, found[0]).dataset;
  expect(data.has_value(), fmt::format("{} is not float32", found[0].substr(0, 200)));
  if (data->bytes.size() > unread_) refuse("its weights lie on each other", ErrorCode::bad_input);
  unread_ -= data->bytes.size();
  tensors_.tensors[tensor] = {DType::f32, std::move(data->shape), data->bytes};
}

std::string Converter::input(const std::string& name, const Json& config) {
  const auto batch = json_get<std::vector<Json>>(config, "batch_input_shape", what_);
  bool fixed = batch.size() == 4;
  for (std::size_t axis = 1; fixed && axis < 4; ++axis) {
    fixed = json_integers_fit<std::int64_t>(batch[axis]) && batch[axis] >= 1 && batch[axis] <= kMaxExtent;
  }
  expect(fixed, fmt::format("input {}: expected fixed height, width and channels", name));
  inputs_.push_back({{"name", name}, {"shape", {batch[1], batch[2], batch[3]}}});
  shapes_[name] = {batch[1], batch[2], batch[3]};
  return name;
}

std::string Converter::convolution(const std::string& name, const Json& config, const std::string& source) {
  expect(json_get_or<std::int64_t>(config, "groups", what_, 1) == 1, fmt::format("layer {}: groups", name));
  const std::string kind = text(config, "activation");
  const std::string linear = kind == "linear" ? name : name + ".linear";
  const Window w = window(name, source, config, "kernel_size");
  const bool bias = json_get<bool>(config, "use_bias", what_);
  store(linear + ".weight", name, "kernel");
  if (bias) store(linear + ".bias", name, "bias");
  const auto filters = json_get<std::int64_t>(config, "filters", what_);
  add(linear, "conv2d", {source}, {w.size[0], w.size[1], filters},
      {{"filters", filters},
       {"kernel", w.kernel},
       {"stride", w.stride},
       {"dilation", w.dilation},
       {"padding", w.padding},
       {"bias", bias}});
  return kind == "linear" ? linear : activation(name, linear, kind);
}

std::string Converter::batch_norm(const std::string& name, const Json& config, const std::string& source) {
  const Json axis = json_get<Json>(config, "axis", what_);
  const Json last = axis.is_array() && axis.size() == 1 ? axis[0] : axis;
  expect(last == 3 || last == -1, fmt::format("layer {}: axis {}", name, axis.dump().substr(0, 40)));
  const auto constant = [&](const std::string& tensor, float value) {
    const std::int64_t channels = shape(source).channels;
    tensors_.add(tensor, {channels}, std::vector<float>(static_cast<std::size_t>(channels), value));
  };
  if (json_get<bool>(config, "scale", what_)) {
    store(name + ".gamma", name, "gamma");
  } else {
    constant(name + ".gamma", 1);
  }
  if (json_get<bool>(config, "center", what_)) {
    store(name + ".beta", name, "beta");
  } else {
    constant(name + ".beta", 0);
  }
  store(name + ".mean", name, "moving_mean");
  store(name + ".variance", name, "moving_variance");
  return add(name, "batch_norm", {source}, shape(source), {{"epsilon", json_get<Json>(config, "epsilon", what_)}});
}

std::string Converter::pool(const std::string& name, const Json& config, const std::string& source, const char* op) {
  const Window w = window(name, source, config, "pool_size");
  return add(name, op, {source}, {w.size[0], w.size[1], shape(source).channels},
             {{"kernel", w.kernel}, {"stride", w.stride}, {"padding", w.padding}});
}

std::string Converter::upsample(const std::string& name, const Json& config, const std::string& source) {
  const auto interpolation = json_get_or<std::string>(config, "interpolation", what_, "nearest");
  expect(interpolation == "nearest" || interpolation == "bilinear",
         fmt::format("layer {}: interpolation {}", name, interpolation.substr(0, 40)));
  const Pair factor = pair(config, "size");
  const GraphShape from = shape(source);
  return add(name, "upsample", {source}, {from.height * factor[0], from.width * factor[1], from.channels},
             {{"factor", factor}, {"interpolation", interpolation}});
}

std::string Converter::join(const std::string& name, const std::vector<std::string>& sources, const char* op) {
  expect(!sources.empty(), fmt::format("layer {} has no inputs", name));
  GraphShape joined = shape(sources[0]);
  const bool concat = std::string_view(op) == "concat";
  for (std::size_t n = 1; n < sources.size(); ++n) {
    const GraphShape& other = shape(sources[n]);
    expect(other.height == joined.height && other.width == joined.width && (concat || other == joined),
           fmt::format("layer {}: sizes differ", name));
    if (concat) joined.channels += other.channels;
  }
  return add(name, op, sources, joined);
}

std::string Converter::rectifier(const std::string& name, const Json& config, const std::string& source) {
  const auto given = [&](const char* key) { return json_get_or<double>(config, key, what_, 0) != 0; };
  expect((!config.contains("max_value") || config["max_value"].is_null()) && !given("threshold"),
         fmt::format("layer {}: a clipped ReLU", name));
  if (!given("negative_slope")) return activation(name, source, "relu");
  return add(name, "leaky_relu", {source}, shape(source), {{"slope", config["negative_slope"]}});
}

std::string Converter::single(const std::string& kind, const std::string& name, const Json& config,
                              const std::string& source) {
  if (kind == "Conv2D") return convolution(name, config, source);
  if (kind == "BatchNormalization") return batch_norm(name, config, source);
  if (kind == "MaxPooling2D") return pool(name, config, source, "max_pool");
  if (kind == "AveragePooling2D") return pool(name, config, source, "avg_pool");
  if (kind == "UpSampling2D") return upsample(name, config, source);
  if (kind == "ReLU") return rectifier(name, config, source);
  if (kind == "LeakyReLU") {
    return add(name, "leaky_relu", {source}, shape(source), {{"slope", json_get<Json>(config, "alpha", what_)}});
  }
  if (kind == "Activation") {
    const std::string function = text(config, "activation");
    return function == "linear" ? source : activation(name, source, function);
  }
  if (kind == "Softmax") {
    const Json axis = json_get<Json>(config, "axis", what_);
    expect(axis == 3 || axis == -1, fmt::format("layer {}: axis", name));
    return activation(name, source, "softmax");
  }
  const bool nothing =
      kind == "Dropout" || kind == "SpatialDropout2D" || kind == "GaussianNoise" || kind == "GaussianDropout";
  expect(nothing, fmt::format("layer {} is a {}, which is not supported", name, kind.substr(0, 80)));
  return source;
}

std::string Converter::layer(const Json& layer) {
  const std::string kind = text(layer, "class_name"), name = text(layer, "name");
  const Json config = json_get<Json>(layer, "config", what_);
  expect(json_get_or<std::string>(config, "data_format", what_, "channels_last") == "channels_last",
         fmt::format("layer {}: channels first", name.substr(0, 80)));
  if (kind == "InputLayer") return input(name, config);
  const Json& nodes = layer.at("inbound_nodes");
  expect(nodes.size() == 1, fmt::format("layer {} is used {} times", name.substr(0, 80), nodes.size()));
  std::vector<std::string> sources;
  for (const Json& entry : nodes[0]) sources.push_back(values_.at(entry.at(0).get<std::string>()));
  if (kind == "Concatenate") {
    const Json axis = json_get<Json>(config, "axis", what_);
    expect(axis == 3 || axis == -1, fmt::format("layer {}: axis", name));
    return join(name, sources, "concat");
  }
  if (kind == "Add") return join(name, sources, "add");
  expect(sources.size() == 1, fmt::format("layer {}: {} inputs", name, sources.size()));
  return single(kind, name, config, sources[0]);
}

bool Converter::is_ready(const Json& layer) const {
  for (const Json& node : layer.at("inbound_nodes")) {
    for (const Json& entry : node) {
      if (!values_.contains(entry.at(0).get<std::string>())) return false;
    }
  }
  return true;
}

/// In an order in which each layer follows its inputs; Keras stores layers in the order of their making.
void Converter::run(const Json& model) {
  auto waiting = json_get<std::vector<Json>>(model, "layers", what_);
  if (waiting.size() > kMaxLayers) refuse(fmt::format("{} layers", waiting.size()), ErrorCode::too_large);
  while (!waiting.empty()) {
    const auto ready = std::find_if(waiting.begin(), waiting.end(), [this](const Json& l) { return is_ready(l); });
    expect(ready != waiting.end(), "the layers refer to each other in a circle");
    std::string value = layer(*ready);
    values_[text(*ready, "name")] = std::move(value);
    waiting.erase(ready);
  }
  for (const Json& output : json_get<std::vector<Json>>(model, "output_layers", what_)) {
    outputs_.push_back(values_.at(output.at(0).get<std::string>()));
  }
}

Json Converter::network(const KerasOptions& options) const {
  return {{"format", "sagittal-graph"},
          {"version", 1},
          {"name", options.name},
          {"inputs", inputs_},
          {"nodes", nodes_},
          {"outputs", outputs_},
          {"labels", options.labels},
          {"preprocessing",
           {{"divide_by_maximum", options.preprocessing.divide_by_maximum},
            {"flip_vertically", options.preprocessing.flip_vertically}}}};
}

Json description_of(const Hdf5File& file, std::string_view what) {
  const Hdf5Object root = file.root();
  const auto config = root.texts.find("model_config");
  if (config == root.texts.end() || config->second.size() != 1) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: no model of Keras 2: it lacks model_config", what));
  }
  const Json model = parse_json(config->second[0], what);
  const auto kind = json_get<std::string>(model, "class_name", what);
  if (kind != "Model" && kind != "Functional") {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: a {} model, expected a functional one", what, kind.substr(0, 40)));
  }
  return json_get<Json>(model, "config", what);
}

}  // namespace

GraphFiles convert_keras(ByteView file, const KerasOptions& options, std::string_view what) {
  try {
    const Hdf5File hdf5(file, what);
    Converter converter(hdf5, file.size(), what);
    converter.run(description_of(hdf5, what));
    GraphFiles files{converter.network(options).dump(1) + "\n", write_safetensors(converter.tensors())};
    check_weights(parse_graph(files.network, what), converter.tensors());
    return files;
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: its description is no model's: {}", what, error.what()));
  } catch (const std::out_of_range&) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: a layer or an output that is not there", what));
  }
}

GraphModel read_keras(ByteView file, const KerasOptions& options, std::string_view what) {
  const GraphFiles files = convert_keras(file, options, what);
  const auto owner = std::make_shared<const Bytes>(files.weights);
  return {parse_graph(files.network, what), read_safetensors_bytes(*owner, owner, what)};
}

}  // namespace sagittal::nn
