#include "nn/plans.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace sagittal::nn {
namespace {

constexpr std::int64_t kMaxPatchExtent = 1 << 16;
constexpr std::size_t kMaxInheritance = 32;

std::vector<IntensityProperties> parse_intensities(const Json& plans, std::string_view what) {
  Json channels = json_get_or<Json>(plans, "foreground_intensity_properties_per_channel", what, Json(nullptr));
  if (channels.is_null()) {
    channels = json_get_or<Json>(plans, "foreground_intensity_properties_by_modality", what, Json::object());
  }
  std::vector<IntensityProperties> properties;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const auto channel = json_get<Json>(channels, std::to_string(i).c_str(), what);
    properties.push_back({json_get<double>(channel, "mean", what), json_get<double>(channel, "std", what),
                          json_get<double>(channel, "percentile_00_5", what),
                          json_get<double>(channel, "percentile_99_5", what)});
  }
  return properties;
}

/// The configuration with everything it inherits; its own keys win.
Json resolve(const Json& configurations, std::string name, std::string_view what) {
  Json resolved = Json::object();
  for (std::size_t depth = 0; !name.empty(); ++depth) {
    if (depth == kMaxInheritance) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: \"inherits_from\" runs in a circle at \"{}\"", what, name));
    }
    const auto found = configurations.find(name);
    if (found == configurations.end() || !found->is_object()) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{}: \"inherits_from\" names \"{}\", which is missing", what, name));
    }
    name = json_get_or<std::string>(*found, "inherits_from", what, "");
    Json merged = *found;
    merged.update(resolved);
    resolved = std::move(merged);
  }
  return resolved;
}

}  // namespace

std::vector<std::string> Plans::configuration_names() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : json.at("configurations").items()) names.push_back(name);
  return names;
}

Configuration Plans::configuration(std::string_view name) const {
  const std::string key(name);
  const Json& all = json.at("configurations");
  if (!all.contains(key)) {
    throw Error(ErrorCode::not_found, fmt::format("plans.json has no configuration \"{}\"; it has {}", name,
                                                  fmt::join(configuration_names(), ", ")));
  }
  const std::string what = fmt::format("plans.json: {}", name);
  Configuration out;
  out.name = key;
  out.json = resolve(all, key, what);
  out.network = parse_architecture(out.json, what);
  out.patch_size = json_get<std::vector<std::int64_t>>(out.json, "patch_size", what);
  const auto outside = [](std::int64_t extent) { return extent < 1 || extent > kMaxPatchExtent; };
  if (out.patch_size.size() != static_cast<std::size_t>(out.network.dimensions) ||
      std::any_of(out.patch_size.begin(), out.patch_size.end(), outside)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: \"patch_size\" is [{}], expected {} extents from 1 to {}", what,
                            fmt::join(out.patch_size, ", "), out.network.dimensions, kMaxPatchExtent));
  }
  out.spacing_mm = json_get_or<std::vector<double>>(out.json, "spacing", what, {});
  out.normalization_schemes = json_get_or<std::vector<std::string>>(out.json, "normalization_schemes", what, {});
  out.use_mask_for_norm = json_get_or<std::vector<bool>>(out.json, "use_mask_for_norm", what, {});
  out.previous_stage = json_get_or<std::string>(out.json, "previous_stage", what, "");
  return out;
}

Plans parse_plans(std::string_view text, std::string_view what) {
  return plans_from_json(parse_json(text, what), what);
}

Plans plans_from_json(Json json, std::string_view what) {
  Plans plans;
  plans.json = std::move(json);
  if (!json_get<Json>(plans.json, "configurations", what).is_object())
    throw_json_type(plans.json, "configurations", what);
  plans.dataset_name = json_get_or<std::string>(plans.json, "dataset_name", what, "");
  plans.plans_name = json_get_or<std::string>(plans.json, "plans_name", what, "");
  plans.transpose_forward = json_get_or<std::vector<int>>(plans.json, "transpose_forward", what, {});
  plans.transpose_backward = json_get_or<std::vector<int>>(plans.json, "transpose_backward", what, {});
  plans.intensity_properties = parse_intensities(plans.json, what);
  return plans;
}

}  // namespace sagittal::nn
