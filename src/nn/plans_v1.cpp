#include "nn/plans_v1.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "nn/pickle.h"
#include "nn/plain_pickle.h"

namespace sagittal::nn {
namespace {

constexpr int kMaxPools = 15;
constexpr int kMaxClasses = 4096;
constexpr int kMostFeatures3d = 320, kMostFeatures2d = 480;

[[noreturn]] void fail(std::string_view what, const std::string& problem) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, problem));
}

/// Entry `n` of a list or of a dict with numbers for keys; null where it is absent.
Json at(const Json& container, std::size_t n) {
  if (container.is_array()) return n < container.size() ? container[n] : Json(nullptr);
  if (!container.is_object()) return nullptr;
  const auto found = container.find(std::to_string(n));
  return found == container.end() ? Json(nullptr) : *found;
}

/// How often each axis is halved, for plans that lack the strides: the axes that can take most begin.
Json strides_of_pools(const std::vector<int>& pools, std::string_view what) {
  const int most = pools.empty() ? 0 : *std::max_element(pools.begin(), pools.end());
  if (most < 1 || most > kMaxPools || *std::min_element(pools.begin(), pools.end()) < 0) {
    fail(what, fmt::format("\"num_pool_per_axis\" has a maximum of {}, expected 1 to {}", most, kMaxPools));
  }
  Json out = Json::array();
  for (int i = 0; i < most; ++i) {
    Json stride = Json::array();
    for (const int pool : pools) stride.push_back(most - pool <= i ? 2 : 1);
    out.push_back(stride);
  }
  return out;
}

Json architecture_of(const Json& plans, const Json& stage, std::size_t dimensions, std::string_view what) {
  Json pools = json_get_or<Json>(stage, "pool_op_kernel_sizes", what, Json(nullptr));
  if (pools.is_null()) pools = strides_of_pools(json_get<std::vector<int>>(stage, "num_pool_per_axis", what), what);
  if (!pools.is_array() || pools.empty() || pools.size() > kMaxPools) {
    fail(what, fmt::format("\"pool_op_kernel_sizes\" is no list of 1 to {} strides", kMaxPools));
  }
  const std::size_t stages = pools.size() + 1;
  Json kernels = json_get_or<Json>(stage, "conv_kernel_sizes", what, Json(nullptr));
  if (kernels.is_null()) kernels = Json(std::vector<std::vector<int>>(stages, std::vector<int>(dimensions, 3)));
  for (const Json& kernel : kernels) {
    for (const Json& extent : kernel) {
      if (extent != 1 && extent != 3) {
        throw Error(ErrorCode::unsupported, fmt::format("{}: a kernel of {}, expected 1 or 3", what, extent.dump()));
      }
    }
  }
  const auto base = json_get<std::int64_t>(plans, "base_num_features", what);
  const int most = dimensions == 3 ? kMostFeatures3d : kMostFeatures2d;
  if (base < 1 || base > most) fail(what, fmt::format("\"base_num_features\" is {}, expected 1 to {}", base, most));
  Json features = Json::array(), strides = Json::array();
  strides.push_back(std::vector<int>(dimensions, 1));
  for (std::size_t s = 0; s < stages; ++s) features.push_back(std::min<std::int64_t>(base << s, most));
  for (const Json& pool : pools) strides.push_back(pool);
  const auto convolutions = json_get_or<int>(plans, "conv_per_stage", what, 2);
  const std::string axes = std::to_string(dimensions);
  return {{"network_class_name", "Generic_UNet"},
          {"arch_kwargs",
           {{"n_stages", stages},
            {"features_per_stage", features},
            {"conv_op", "Conv" + axes + "d"},
            {"kernel_sizes", kernels},
            {"strides", strides},
            {"n_conv_per_stage", convolutions},
            {"n_conv_per_stage_decoder", convolutions},
            {"conv_bias", true},
            {"norm_op", "InstanceNorm" + axes + "d"},
            {"norm_op_kwargs", {{"eps", 1e-5}, {"affine", true}}},
            {"nonlin", "LeakyReLU"}}}};
}

Json configuration_of(const Json& plans, const Json& stage, std::size_t channels, std::string_view what) {
  const auto patch = json_get<std::vector<std::int64_t>>(stage, "patch_size", what);
  if (patch.size() != 2 && patch.size() != 3) fail(what, fmt::format("a patch of {} axes", patch.size()));
  auto spacing = json_get<std::vector<double>>(stage, "current_spacing", what);
  // 2D plans name three spacings; the first is the image's own.
  if (spacing.size() > patch.size()) spacing.erase(spacing.begin());
  const auto schemes = json_get<Json>(plans, "normalization_schemes", what);
  const auto masks = json_get<Json>(plans, "use_mask_for_norm", what);
  Json names = Json::array(), masked = Json::array();
  for (std::size_t c = 0; c < channels; ++c) {
    const Json name = at(schemes, c), mask = at(masks, c);
    if (!name.is_string() || !(mask.is_boolean() || mask.is_number_integer())) {
      fail(what, fmt::format("no normalisation or no mask is named for channel {}", c));
    }
    names.push_back(name);
    masked.push_back(mask.is_boolean() ? mask.get<bool>() : mask != 0);
  }
  const Json more = json_get_or<Json>(plans, "segmentation_export_params", what, Json::object());
  Json out{{"patch_size", patch},
           {"spacing", spacing},
           {"normalization_schemes", names},
           {"use_mask_for_norm", masked},
           {"architecture", architecture_of(plans, stage, patch.size(), what)},
           {"resampling_fn_probabilities_kwargs",
            {{"order", json_get_or<int>(more, "interpolation_order", what, 1)},
             {"order_z", json_get_or<int>(more, "interpolation_order_z", what, 0)},
             {"force_separate_z", json_get_or<Json>(more, "force_separate_z", what, Json(nullptr))}}}};
  const char* usual = patch.size() == 3 ? "GenericPreprocessor" : "PreprocessorFor2D";
  const auto preprocessor = json_get_or<std::string>(plans, "preprocessor_name", what, usual);
  out["preprocessor_name"] = preprocessor == usual ? "DefaultPreprocessor" : preprocessor;
  return out;
}

Json configurations_of(const Json& plans, std::size_t channels, std::string_view what) {
  const auto stages = json_get<Json>(plans, "plans_per_stage", what);
  Json out = Json::object();
  const Json first = at(stages, 0), second = at(stages, 1);
  if (!first.is_object() || stages.size() > 2) fail(what, "\"plans_per_stage\" has no one or two stages");
  const Json one = configuration_of(plans, first, channels, what);
  if (stages.size() == 1) {
    out[one.at("patch_size").size() == 2 ? "2d" : "3d_fullres"] = one;
    return out;
  }
  out["3d_lowres"] = one;
  out["3d_fullres"] = configuration_of(plans, second, channels, what);
  out["3d_cascade_fullres"] = {{"inherits_from", "3d_fullres"}, {"previous_stage", "3d_lowres"}};
  return out;
}

/// The intensities that CT needs, of the channels that have them.
Json intensities_of(const Json& properties, std::size_t channels, std::string_view what) {
  const Json all = json_get_or<Json>(properties, "intensityproperties", what, Json(nullptr));
  Json out = Json::object();
  for (std::size_t c = 0; c < channels; ++c) {
    const Json one = at(all, c);
    if (!one.is_object()) break;
    out[std::to_string(c)] = {{"mean", json_get<double>(one, "mean", what)},
                              {"std", json_get<double>(one, "sd", what)},
                              {"percentile_00_5", json_get<double>(one, "percentile_00_5", what)},
                              {"percentile_99_5", json_get<double>(one, "percentile_99_5", what)}};
  }
  return out;
}

bool is_brats_regions(std::string_view trainer) { return trainer.starts_with("nnUNetTrainerV2BraTSRegions"); }

std::string renamed_unit(std::string_view rest) {
  std::string out(rest);
  if (const auto norm = out.find(".instnorm."); norm != std::string::npos) out.replace(norm, 10, ".norm.");
  return out;
}

/// "blocks.<j>.conv.weight", with `before` convolutions in front -> "<before + j>.conv.weight".
std::optional<std::string> renamed_block(std::string_view name, int before) {
  constexpr std::string_view prefix = "blocks.";
  const auto dot = name.find('.', prefix.size());
  if (!name.starts_with(prefix) || dot == std::string_view::npos) return {};
  const auto number = parse_number<int>(name.substr(prefix.size(), dot - prefix.size()));
  if (!number || *number < 0 || *number > kMaxClasses) return {};
  return fmt::format("{}{}", before + *number, renamed_unit(name.substr(dot)));
}

/// Version 2's name for a parameter of Generic_UNet; nothing for other names.
std::optional<std::string> renamed(std::string_view name, const UNet& network) {
  const auto first = name.find('.');
  const auto second = first == std::string_view::npos ? first : name.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  const std::string_view layer = name.substr(0, first);
  const auto index = parse_number<int>(name.substr(first + 1, second - first - 1));
  if (!index || *index < 0 || *index >= static_cast<int>(network.encoder.size())) return {};
  std::string_view rest = name.substr(second + 1);
  if (layer == "tu") return fmt::format("decoder.transpconvs.{}.{}", *index, rest);
  if (layer == "seg_outputs") return fmt::format("decoder.seg_layers.{}.{}", *index, rest);
  const bool decoder = layer == "conv_blocks_localization";
  if (!decoder && layer != "conv_blocks_context") return {};
  const auto stage = static_cast<std::size_t>(*index);
  int before = 0;
  // Decoder stages and the lowest resolution are two stacks: all but the last convolution, and the last.
  if (decoder || stage + 1 == network.encoder.size()) {
    if (decoder && stage >= network.decoder_convolutions.size()) return {};
    const int count = decoder ? network.decoder_convolutions[stage] : network.encoder[stage].blocks;
    if (rest.starts_with("1.")) before = count - 1;
    if (!rest.starts_with("0.") && !rest.starts_with("1.")) return {};
    rest.remove_prefix(2);
  }
  const auto block = renamed_block(rest, before);
  if (!block) return {};
  return fmt::format("{}.{}.{}", decoder ? "decoder.stages" : "encoder.stages", *index,
                     decoder ? "convs." + *block : "0.convs." + *block);
}

}  // namespace

Plans parse_plans_v1(ByteView bytes, std::string_view what, std::string_view dataset_name) {
  const Json json = json_of(Pickle(bytes, what).root(), what);
  if (!json.is_object()) fail(what, "expected a dict");
  const auto channels = json_get<int>(json, "num_modalities", what);
  if (channels < 1 || channels > kMaxClasses) fail(what, fmt::format("\"num_modalities\" is {}", channels));
  const auto count = static_cast<std::size_t>(channels);
  const auto properties = json_get_or<Json>(json, "dataset_properties", what, Json::object());
  Json told{{"dataset_name", dataset_name},
            {"image_reader_writer", "SimpleITKIO"},
            {"configurations", configurations_of(json, count, what)},
            {"foreground_intensity_properties_per_channel", intensities_of(properties, count, what)},
            {"num_classes", json_get<int>(json, "num_classes", what)}};
  for (const char* key : {"transpose_forward", "transpose_backward"}) {
    told[key] = json_get_or<Json>(json, key, what, Json({0, 1, 2}));
  }
  Json names = Json::array();
  Json modalities = json_get_or<Json>(json, "modalities", what, Json(nullptr));
  if (modalities.is_null()) modalities = json_get_or<Json>(properties, "modalities", what, Json(nullptr));
  for (std::size_t c = 0; c < count; ++c) {
    const Json name = at(modalities, c);
    names.push_back(name.is_string() ? name.get<std::string>() : fmt::format("channel {}", c));
  }
  told["channel_names"] = names;
  Plans plans = plans_from_json(std::move(told), what);
  plans.generation = 1;
  return plans;
}

Dataset dataset_of_v1(const Plans& plans, std::string_view trainer, std::string_view what) {
  Dataset out;
  out.channel_names = json_get<std::vector<std::string>>(plans.json, "channel_names", what);
  if (is_brats_regions(trainer)) {
    out.labels = {{"whole tumor", {1, 2, 3}}, {"tumor core", {2, 3}}, {"enhancing tumor", {3}}};
    out.regions_class_order = {1, 2, 3};
    return out;
  }
  const auto classes = json_get<int>(plans.json, "num_classes", what);
  if (classes < 1 || classes > kMaxClasses) {
    fail(what, fmt::format("\"num_classes\" is {}, expected 1 to {}", classes, kMaxClasses));
  }
  for (int label = 1; label <= classes; ++label) out.labels.push_back({fmt::format("label {}", label), {label}});
  return out;
}

std::vector<int> mirroring_axes_v1(std::string_view trainer, int dimensions) {
  if (lower_case(trainer).find("nomirror") != std::string::npos) return {};
  return dimensions == 2 ? std::vector{0, 1} : std::vector{0, 1, 2};
}

void check_trainer_v1(std::string_view trainer) {
  constexpr std::array<std::string_view, 12> others{"_BN",  "_FRN",     "_GN",    "GeLU",       "Mish",     "ReLU",
                                                    "Norm", "samefilt", "Resenc", "allConv3x3", "resample", "ResUNet"};
  const auto named = [&](std::string_view word) { return trainer.find(word) != std::string_view::npos; };
  if (trainer.starts_with("nnUNetTrainer") && std::none_of(others.begin(), others.end(), named)) return;
  throw Error(ErrorCode::unsupported,
              fmt::format("trained by \"{}\", expected an nnUNetTrainer of version 1 with its usual network", trainer));
}

StateDict weights_from_v1(const StateDict& weights, const UNet& network) {
  StateDict out;
  out.owners = weights.owners;
  out.file = weights.file;
  for (const auto& [name, tensor] : weights.tensors) {
    const auto known = renamed(name, network);
    if (!known) throw Error(ErrorCode::bad_input, fmt::format("{} belongs to no layer of Generic_UNet", name));
    if (!out.tensors.emplace(*known, tensor).second) {
      throw Error(ErrorCode::bad_input, fmt::format("{} stands for {}, which is there already", name, *known));
    }
  }
  for (std::size_t s = 0; s < network.decoder_convolutions.size(); ++s) {
    const auto add_zeros = [&](const std::string& layer, std::size_t axis) {
      const TensorView* weight = out.find(layer + ".weight");
      if (weight == nullptr || out.find(layer + ".bias") != nullptr || weight->shape.size() <= axis) return;
      const std::int64_t extent = weight->shape[axis];
      if (extent < 1 || extent > weight->element_count()) return;
      out.add(layer + ".bias", {extent}, std::vector<float>(static_cast<std::size_t>(extent), 0.0f));
    };
    add_zeros(fmt::format("decoder.transpconvs.{}", s), 1);
    add_zeros(fmt::format("decoder.seg_layers.{}", s), 0);
  }
  return out;
}

}  // namespace sagittal::nn
