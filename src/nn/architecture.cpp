#include "nn/architecture.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace sagittal::nn {
namespace {

constexpr int kMaxStages = 16;
constexpr int kMaxFeatures = 8192;
constexpr int kMaxBlocks = 64;
constexpr int kMaxKernel = 15;
constexpr int kMaxStride = 8;
constexpr std::int64_t kMaxTotalStride = 1024;

[[noreturn]] void refuse(std::string_view what, std::string_view problem) {
  throw Error(ErrorCode::unsupported, fmt::format("{}: {}", what, problem));
}

int checked_int(const Json& value, int most, std::string_view what, const char* key) {
  if (!value.is_number_integer() || value < 1 || value > most) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: \"{}\" holds {}, expected integers from 1 to {}", what, key, value.dump(), most));
  }
  return value.get<int>();
}

/// "torch.nn.modules.conv.Conv3d" -> "Conv3d"; empty for null.
std::string last_component(const Json& kwargs, const char* key, std::string_view what) {
  const auto name = json_get_or<std::string>(kwargs, key, what, "");
  return name.substr(name.rfind('.') + 1);
}

/// One entry per stage; a scalar stands for all of them.
std::vector<Json> per_stage(const Json& kwargs, const char* key, std::size_t stages, std::string_view what) {
  const auto value = json_get<Json>(kwargs, key, what);
  if (!value.is_array()) return std::vector<Json>(stages, value);
  if (value.size() != stages) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: \"{}\" has {} entries, expected {}", what, key, value.size(), stages));
  }
  return {value.begin(), value.end()};
}

/// Three axes from a scalar or a list; the first is 1 in 2D.
SpatialSize spatial(const Json& value, int dimensions, int most, std::string_view what, const char* key) {
  SpatialSize out{1, 1, 1};
  if (value.is_array() && value.size() != static_cast<std::size_t>(dimensions)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: \"{}\" holds {}, expected {} axes", what, key, value.dump(), dimensions));
  }
  for (int axis = 0; axis < dimensions; ++axis) {
    out[3 - dimensions + axis] = checked_int(value.is_array() ? value[axis] : value, most, what, key);
  }
  return out;
}

Json old_style_kwargs(const Json& configuration, std::string_view what) {
  const auto blocks = json_get<Json>(configuration, "n_conv_per_stage_encoder", what);
  if (!blocks.is_array() || blocks.size() > kMaxStages)
    refuse(what, "\"n_conv_per_stage_encoder\" is no list of stages");
  std::int64_t features = checked_int(json_get<Json>(configuration, "UNet_base_num_features", what), kMaxFeatures, what,
                                      "UNet_base_num_features");
  const int most = checked_int(json_get<Json>(configuration, "unet_max_num_features", what), kMaxFeatures, what,
                               "unet_max_num_features");
  Json per_stage_features = Json::array();
  for (std::size_t i = 0; i < blocks.size(); ++i, features *= 2) {
    per_stage_features.push_back(std::min<std::int64_t>(features, most));
  }
  const bool plain = json_get<std::string>(configuration, "UNet_class_name", what) == "PlainConvUNet";
  const std::string dimensions = std::to_string(json_get<Json>(configuration, "patch_size", what).size());
  return {{"n_stages", blocks.size()},
          {"features_per_stage", per_stage_features},
          {"conv_op", "Conv" + dimensions + "d"},
          {"kernel_sizes", json_get<Json>(configuration, "conv_kernel_sizes", what)},
          {"strides", json_get<Json>(configuration, "pool_op_kernel_sizes", what)},
          {plain ? "n_conv_per_stage" : "n_blocks_per_stage", blocks},
          {"n_conv_per_stage_decoder", json_get<Json>(configuration, "n_conv_per_stage_decoder", what)},
          {"conv_bias", true},
          {"norm_op", "InstanceNorm" + dimensions + "d"},
          {"norm_op_kwargs", {{"eps", 1e-5}, {"affine", true}}},
          {"nonlin", "LeakyReLU"}};
}

void check_known_keys(const Json& kwargs, std::string_view what) {
  constexpr std::array known{"n_stages",
                             "features_per_stage",
                             "conv_op",
                             "kernel_sizes",
                             "strides",
                             "n_blocks_per_stage",
                             "n_conv_per_stage",
                             "n_conv_per_stage_decoder",
                             "conv_bias",
                             "norm_op",
                             "norm_op_kwargs",
                             "dropout_op",
                             "dropout_op_kwargs",
                             "nonlin",
                             "nonlin_kwargs",
                             "deep_supervision",
                             "block",
                             "bottleneck_channels",
                             "stem_channels",
                             "nonlin_first"};
  for (const auto& [key, value] : kwargs.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      refuse(what, fmt::format("the network option \"{}\"", key));
    }
  }
}

void parse_layers(const Json& kwargs, std::string_view what, UNet& out) {
  const std::string dimensions = std::to_string(out.dimensions) + "d";
  if (const auto norm = last_component(kwargs, "norm_op", what); norm != "InstanceNorm" + dimensions) {
    refuse(what, fmt::format("normalisation \"{}\", expected InstanceNorm{}", norm, dimensions));
  }
  const Json norm = json_get_or<Json>(kwargs, "norm_op_kwargs", what, Json::object());
  out.norm_epsilon = json_get_or<double>(norm, "eps", what, 1e-5);
  out.norm_affine = json_get_or<bool>(norm, "affine", what, false);
  if (!(out.norm_epsilon > 0 && out.norm_epsilon < 1)) refuse(what, "an epsilon outside (0, 1)");
  if (json_get_or<bool>(norm, "track_running_stats", what, false))
    refuse(what, "normalisation with running statistics");

  const Json activation = json_get_or<Json>(kwargs, "nonlin_kwargs", what, Json::object());
  if (const auto name = last_component(kwargs, "nonlin", what); name == "ReLU") {
    out.negative_slope = 0;
  } else if (name == "LeakyReLU") {
    out.negative_slope = json_get_or<double>(activation, "negative_slope", what, 0.01);
  } else {
    refuse(what, fmt::format("activation \"{}\", expected LeakyReLU or ReLU", name));
  }
  if (!(out.negative_slope >= 0 && out.negative_slope <= 1)) refuse(what, "a negative slope outside [0, 1]");
  if (const auto dropout = last_component(kwargs, "dropout_op", what); !dropout.empty()) {
    refuse(what, fmt::format("dropout \"{}\"", dropout));
  }
  out.convolution_bias = json_get_or<bool>(kwargs, "conv_bias", what, false);
  out.activation_before_norm = json_get_or<bool>(kwargs, "nonlin_first", what, false);
}

void parse_block_kind(const Json& kwargs, const std::string& class_name, std::string_view what, UNet& out) {
  if (class_name == "PlainConvUNet" || class_name == "Generic_UNet") {
    out.block = BlockKind::plain;
    out.kernel_of_below = class_name == "Generic_UNet";
    return;
  }
  if (class_name != "ResidualEncoderUNet") {
    refuse(what, fmt::format("network \"{}\", expected PlainConvUNet or ResidualEncoderUNet", class_name));
  }
  const std::string block = last_component(kwargs, "block", what);
  if (block != "BottleneckD" && block != "BasicBlockD" && !block.empty())
    refuse(what, fmt::format("block \"{}\"", block));
  out.block = block == "BottleneckD" ? BlockKind::bottleneck : BlockKind::basic;
}

void parse_stages(const Json& kwargs, std::string_view what, UNet& out) {
  const int count = checked_int(json_get<Json>(kwargs, "n_stages", what), kMaxStages, what, "n_stages");
  if (count < 2) refuse(what, "a network of one stage");
  const auto stages = static_cast<std::size_t>(count);
  const char* blocks_key = out.residual() ? "n_blocks_per_stage" : "n_conv_per_stage";
  const auto features = per_stage(kwargs, "features_per_stage", stages, what);
  const auto kernels = per_stage(kwargs, "kernel_sizes", stages, what);
  const auto strides = per_stage(kwargs, "strides", stages, what);
  const auto blocks = per_stage(kwargs, blocks_key, stages, what);
  std::vector<Json> narrow(stages, 1);
  if (out.block == BlockKind::bottleneck) narrow = per_stage(kwargs, "bottleneck_channels", stages, what);
  for (std::size_t s = 0; s < stages; ++s) {
    EncoderStage stage;
    stage.features = checked_int(features[s], kMaxFeatures, what, "features_per_stage");
    stage.kernel = spatial(kernels[s], out.dimensions, kMaxKernel, what, "kernel_sizes");
    stage.stride = spatial(strides[s], out.dimensions, kMaxStride, what, "strides");
    stage.blocks = checked_int(blocks[s], kMaxBlocks, what, blocks_key);
    if (out.block == BlockKind::bottleneck) {
      stage.bottleneck_features = checked_int(narrow[s], kMaxFeatures, what, "bottleneck_channels");
    }
    if (std::any_of(stage.kernel.begin(), stage.kernel.end(), [](auto k) { return k % 2 == 0; })) {
      refuse(what, fmt::format("an even kernel size, {}", fmt::join(stage.kernel, "x")));
    }
    out.encoder.push_back(stage);
  }
  if (out.encoder[0].stride != SpatialSize{1, 1, 1}) refuse(what, "a first stage with a stride");
  const SpatialSize total = out.total_stride();
  if (*std::max_element(total.begin(), total.end()) > kMaxTotalStride) {
    refuse(what, fmt::format("strides of {} in all, the limit is {}", fmt::join(total, "x"), kMaxTotalStride));
  }
  for (const Json& value : per_stage(kwargs, "n_conv_per_stage_decoder", stages - 1, what)) {
    out.decoder_convolutions.push_back(checked_int(value, kMaxBlocks, what, "n_conv_per_stage_decoder"));
  }
  if (out.residual()) {
    const Json stem = json_get_or<Json>(kwargs, "stem_channels", what, Json(nullptr));
    out.stem_features =
        stem.is_null() ? out.encoder[0].features : checked_int(stem, kMaxFeatures, what, "stem_channels");
  }
}

/// The name a parameter goes by, whichever of its aliases is given.
std::string canonical_name(std::string name, bool activation_before_norm) {
  constexpr std::string_view decoder_encoder = "decoder.encoder.";
  if (name.starts_with(decoder_encoder)) name.erase(0, std::string_view("decoder.").size());
  const std::string convolution = ".all_modules.0.";
  const std::string norm = activation_before_norm ? ".all_modules.2." : ".all_modules.1.";
  if (const auto at = name.find(convolution); at != std::string::npos) {
    name.replace(at, convolution.size(), ".conv.");
  } else if (const auto norm_at = name.find(norm); norm_at != std::string::npos) {
    name.replace(norm_at, norm.size(), ".norm.");
  }
  return name;
}

/// Collects names and shapes in the order of execution.
class ParameterList {
 public:
  explicit ParameterList(const UNet& network) : network_(network) {}

  void convolution(const std::string& name, std::int64_t out, std::int64_t in, const SpatialSize& kernel, bool bias) {
    std::vector<std::int64_t> shape{out, in};
    shape.insert(shape.end(), kernel.end() - network_.dimensions, kernel.end());
    list_.push_back({name + ".weight", shape});
    if (bias) vector(name + ".bias", out);
  }
  void unit(const std::string& name, int in, int out, const SpatialSize& kernel, bool bias) {
    convolution(name + ".conv", out, in, kernel, bias);
    if (!network_.norm_affine) return;
    vector(name + ".norm.weight", out);
    vector(name + ".norm.bias", out);
  }
  void vector(const std::string& name, std::int64_t size) { list_.push_back({name, {size}}); }
  void block(const std::string& name, int in, const EncoderStage& stage, bool strided);
  std::vector<Parameter> take() { return std::move(list_); }

 private:
  const UNet& network_;
  std::vector<Parameter> list_;
};

void ParameterList::block(const std::string& name, int in, const EncoderStage& stage, bool strided) {
  constexpr SpatialSize point{1, 1, 1};
  const bool bias = network_.convolution_bias;
  if (network_.block == BlockKind::basic) {
    unit(name + ".conv1", in, stage.features, stage.kernel, bias);
    unit(name + ".conv2", stage.features, stage.features, stage.kernel, bias);
  } else {
    unit(name + ".conv1", in, stage.bottleneck_features, point, bias);
    unit(name + ".conv2", stage.bottleneck_features, stage.bottleneck_features, stage.kernel, bias);
    unit(name + ".conv3", stage.bottleneck_features, stage.features, point, bias);
  }
  const bool pooled = strided && stage.stride != point;
  if (in != stage.features) unit(name + (pooled ? ".skip.1" : ".skip.0"), in, stage.features, point, false);
}

bool same_values(const TensorView& a, const TensorView& b) {
  if (a.shape != b.shape || a.dtype != b.dtype || a.bytes.size() != b.bytes.size()) return false;
  return a.bytes.data() == b.bytes.data() || std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin());
}

void check_parameter(const Parameter& parameter, const TensorView* tensor) {
  if (tensor == nullptr) throw Error(ErrorCode::bad_input, fmt::format("the weights lack {}", parameter.name));
  if (tensor->shape != parameter.shape) {
    throw Error(ErrorCode::bad_input, fmt::format("{} has shape [{}], the plan says [{}]", parameter.name,
                                                  fmt::join(tensor->shape, ", "), fmt::join(parameter.shape, ", ")));
  }
  const std::array real{DType::f32, DType::f64, DType::f16, DType::bf16};
  if (std::find(real.begin(), real.end(), tensor->dtype) == real.end()) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{} holds {}, expected floating point", parameter.name, name_of(tensor->dtype)));
  }
}

}  // namespace

SpatialSize UNet::total_stride() const {
  SpatialSize total{1, 1, 1};
  for (const EncoderStage& stage : encoder) {
    for (std::size_t axis = 0; axis < 3; ++axis) total[axis] *= stage.stride[axis];
  }
  return total;
}

UNet parse_architecture(const Json& configuration, std::string_view what) {
  const Json architecture = json_get_or<Json>(configuration, "architecture", what, Json(nullptr));
  const bool old_style = architecture.is_null();
  const Json kwargs =
      old_style ? old_style_kwargs(configuration, what) : json_get<Json>(architecture, "arch_kwargs", what);
  const std::string class_name = old_style ? json_get<std::string>(configuration, "UNet_class_name", what)
                                           : last_component(architecture, "network_class_name", what);
  if (!kwargs.is_object()) refuse(what, "\"arch_kwargs\" is no object");
  check_known_keys(kwargs, what);
  UNet network;
  const std::string convolution = last_component(kwargs, "conv_op", what);
  if (convolution != "Conv2d" && convolution != "Conv3d") refuse(what, fmt::format("convolution \"{}\"", convolution));
  network.dimensions = convolution == "Conv2d" ? 2 : 3;
  parse_block_kind(kwargs, class_name, what, network);
  parse_layers(kwargs, what, network);
  if (network.activation_before_norm && network.residual()) refuse(what, "\"nonlin_first\" with residual blocks");
  parse_stages(kwargs, what, network);
  return network;
}

std::vector<Parameter> parameters_of(const UNet& network) {
  ParameterList list(network);
  int in = network.input_channels;
  if (network.residual()) {
    list.unit("encoder.stem.convs.0", in, network.stem_features, network.encoder[0].kernel, network.convolution_bias);
    in = network.stem_features;
  }
  for (std::size_t s = 0; s < network.encoder.size(); ++s) {
    const EncoderStage& stage = network.encoder[s];
    for (int b = 0; b < stage.blocks; ++b, in = stage.features) {
      if (network.residual()) {
        list.block(fmt::format("encoder.stages.{}.blocks.{}", s, b), in, stage, b == 0);
      } else {
        list.unit(fmt::format("encoder.stages.{}.0.convs.{}", s, b), in, stage.features, stage.kernel,
                  network.convolution_bias);
      }
    }
  }
  for (std::size_t s = 0; s < network.decoder_convolutions.size(); ++s) {
    const EncoderStage& below = network.encoder[network.encoder.size() - 1 - s];
    const EncoderStage& skip = network.encoder[network.encoder.size() - 2 - s];
    list.convolution(fmt::format("decoder.transpconvs.{}", s), below.features, skip.features, below.stride, false);
    if (network.convolution_bias) list.vector(fmt::format("decoder.transpconvs.{}.bias", s), skip.features);
    for (int i = 0; i < network.decoder_convolutions[s]; ++i) {
      list.unit(fmt::format("decoder.stages.{}.convs.{}", s, i), i == 0 ? 2 * skip.features : skip.features,
                skip.features, network.decoder_kernel(s), network.convolution_bias);
    }
    list.convolution(fmt::format("decoder.seg_layers.{}", s), network.output_channels, skip.features, {1, 1, 1}, true);
  }
  return list.take();
}

void set_channels_from_weights(UNet& network, const StateDict& weights) {
  const std::string first = network.residual() ? "encoder.stem.convs.0" : "encoder.stages.0.0.convs.0";
  const std::string last = fmt::format("decoder.seg_layers.{}", network.decoder_convolutions.size() - 1);
  const auto extent = [&](const std::vector<std::string>& names, std::size_t axis) {
    for (const std::string& name : names) {
      const TensorView* tensor = weights.find(name);
      if (tensor == nullptr) continue;
      const std::int64_t value = tensor->shape.size() > axis ? tensor->shape[axis] : 0;
      if (value >= 1 && value <= kMaxFeatures) return static_cast<int>(value);
      throw Error(ErrorCode::bad_input, fmt::format("{} has shape [{}]", name, fmt::join(tensor->shape, ", ")));
    }
    throw Error(ErrorCode::bad_input, fmt::format("the weights lack {}", names[0]));
  };
  network.input_channels = extent({first + ".conv.weight", first + ".all_modules.0.weight"}, 1);
  network.output_channels = extent({last + ".weight"}, 0);
}

StateDict select_parameters(const UNet& network, const StateDict& weights) {
  StateDict selected;
  selected.owners = weights.owners;
  selected.file = weights.file;
  for (const auto& [key, tensor] : weights.tensors) {
    const auto [at, added] = selected.tensors.emplace(canonical_name(key, network.activation_before_norm), tensor);
    if (!added && !same_values(at->second, tensor)) {
      throw Error(ErrorCode::bad_input, fmt::format("{} and another name of it hold different values", key));
    }
  }
  std::set<std::string_view> known;
  const std::vector<Parameter> parameters = parameters_of(network);
  for (const Parameter& parameter : parameters) {
    check_parameter(parameter, selected.find(parameter.name));
    known.insert(parameter.name);
  }
  for (const auto& [name, tensor] : selected.tensors) {
    if (!known.contains(name)) {
      throw Error(ErrorCode::bad_input, fmt::format("{} belongs to no layer of the plan's network", name));
    }
  }
  return selected;
}

}  // namespace sagittal::nn
