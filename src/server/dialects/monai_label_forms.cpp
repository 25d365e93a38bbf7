#include "server/dialects/monai_label_forms.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace sagittal::server {
namespace {

constexpr std::size_t kMaxClicks = 1000;
constexpr std::size_t kMaxLabelName = 200;
constexpr std::size_t kMaxSegments = 4096;

std::string label_of(const Json& params, const char* key) {
  const auto label = json_get_or<std::string>(params, key, "params", "");
  if (label.size() > kMaxLabelName) throw Error(ErrorCode::too_large, "params: the label's name is too long");
  return label;
}

std::vector<Index3> clicks_of(const Json& params, const char* key) {
  const auto found = params.find(key);
  if (found == params.end() || found->is_null()) return {};
  if (!found->is_array()) throw_json_type(params, key, "params");
  if (found->size() > kMaxClicks) {
    throw Error(ErrorCode::too_large,
                fmt::format("params: {} clicks in \"{}\", expected at most {}", found->size(), key, kMaxClicks));
  }
  std::vector<Index3> clicks;
  for (const Json& ijk : *found) {
    const bool whole = ijk.is_array() && ijk.size() == 3 &&
                       std::all_of(ijk.begin(), ijk.end(), [](const Json& n) { return n.is_number_integer(); });
    if (!whole) {
      throw Error(ErrorCode::bad_input, fmt::format("params: a click in \"{}\" is not [i, j, k] in whole voxels", key));
    }
    clicks.push_back({ijk[2].get<std::int64_t>(), ijk[1].get<std::int64_t>(), ijk[0].get<std::int64_t>()});
  }
  return clicks;
}

Json describe_model(const char* type, std::string description) {
  return {{"type", type},
          {"labels", Json::array()},
          {"dimension", 3},
          {"description", std::move(description)},
          {"config", Json::object()}};
}

/// No NRRD header and no voxels of 0 and 1 hold this line.
constexpr std::string_view kBoundary = "sagittal-7d1f3c9a5b2e4860-part";

}  // namespace

std::vector<MonaiModel> monai_models(const Models& models) {
  std::vector<MonaiModel> found;
  for (const Models::Model& model : models) {
    const std::string which = model == models.first() ? "" : "@" + model->name;
    const interact::Capabilities& can = model->capabilities;
    if (can.supports_points) found.push_back({std::string(kMonaiClicks) + which, false, model});
    if (can.supports_scribble) found.push_back({std::string(kMonaiScribbles) + which, true, model});
  }
  return found;
}

MonaiModel find_monai_model(const Models& models, const std::string& name) {
  const std::vector<MonaiModel> all = monai_models(models);
  const auto named = [&](const std::string& wanted) {
    return std::find_if(all.begin(), all.end(), [&](const MonaiModel& model) { return model.name == wanted; });
  };
  if (const auto found = named(name); found != all.end()) return *found;
  std::string spaced = name;
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  if (const auto found = named(spaced); found != all.end()) return *found;
  std::vector<std::string> names;
  for (const MonaiModel& model : all) names.push_back(model.name);
  throw Error(ErrorCode::not_found, fmt::format("there is no model {}, only {}", name, fmt::join(names, ", ")));
}

Json describe_monai_label(const Models& served, bool samples) {
  Json models = Json::object();
  for (const MonaiModel& one : monai_models(served)) {
    models[one.name] =
        describe_model(one.scribbles ? "scribbles" : "deepgrow",
                       fmt::format("{} in 3D, answered by {}", one.scribbles ? "Strokes" : "Clicks", one.model->name));
  }
  Json strategies = Json::object();
  if (samples) strategies["first"] = {{"description", "The next scan of the server without a label"}};
  return {{"name", "Sagittal"},
          {"description", "Interactive segmentation"},
          {"version", SAGITTAL_VERSION},
          {"labels", {"segment"}},  // the client makes it at once, so that the first click has somewhere to go
          {"models", std::move(models)},
          {"trainers", Json::object()},
          {"strategies", std::move(strategies)},
          {"scoring", Json::object()},
          {"train_stats", Json::object()}};
}

MonaiClicks parse_monai_clicks(const Json& params) {
  if (!params.is_object()) throw Error(ErrorCode::bad_input, "params: expected a JSON object");
  if (params.contains("roi") && !params["roi"].empty()) {
    throw Error(ErrorCode::unsupported, "a region of interest is no prompt of this model; remove it and click instead");
  }
  MonaiClicks clicks;
  clicks.label = label_of(params, "label");
  const bool by_name = !params.contains("foreground") && !clicks.label.empty() && clicks.label != "background";
  clicks.foreground = clicks_of(params, by_name ? clicks.label.c_str() : "foreground");
  clicks.background = clicks_of(params, "background");
  return clicks;
}

MonaiScribbles parse_monai_scribbles(const Json& params) {
  MonaiScribbles scribbles;
  scribbles.label = label_of(params, "selected_label_name");
  const auto info = json_get<std::vector<Json>>(params, "label_info", "params");
  if (info.size() > kMaxSegments) throw Error(ErrorCode::too_large, "params: too many entries in label_info");
  for (const Json& entry : info) {
    const auto name = json_get<std::string>(entry, "name", "label_info");
    const auto value = static_cast<double>(json_get<std::uint16_t>(entry, "id", "label_info"));
    if (name == scribbles.label) scribbles.label_value = value;
    if (name == "foreground_scribbles") scribbles.foreground_value = value;
    if (name == "background_scribbles") scribbles.background_value = value;
  }
  return scribbles;
}

std::vector<std::uint8_t> voxels_equal_to(const Volume& labels, double value) {
  return visit_voxels(labels, [value](const auto& voxels) {
    std::vector<std::uint8_t> mask(voxels.size());
    if (value == 0) return mask;
    std::transform(voxels.begin(), voxels.end(), mask.begin(),
                   [value](auto voxel) -> std::uint8_t { return static_cast<double>(voxel) == value; });
    return mask;
  });
}

MonaiResult parse_monai_result(const Json& params, const std::string& output) {
  if (!output.empty() && output != "all" && output != "image" && output != "json" && output != "dicom_seg") {
    throw Error(ErrorCode::unsupported,
                fmt::format("output={} is not offered here, only all, image, json and dicom_seg", output));
  }
  const auto extension = json_get_or<std::string>(params, "result_extension", "params", ".nrrd");
  if (extension != ".nrrd") {
    throw Error(ErrorCode::unsupported, fmt::format("results come as .nrrd, not as {}", extension));
  }
  const auto type = json_get_or<std::string>(params, "result_dtype", "params", "uint8");
  if (type != "uint8" && type != "uint16") {
    throw Error(ErrorCode::unsupported, fmt::format("results come as uint8 or uint16, not as {}", type));
  }
  MonaiResult how;
  how.as_file = output == "image";
  how.only_json = output == "json";
  how.as_dicom_seg = output == "dicom_seg";
  how.sixteen_bits = type == "uint16";
  how.compressed = !how.as_file && !how.as_dicom_seg && !how.sixteen_bits &&
                   json_get_or<bool>(params, "result_compress", "params", true);
  return how;
}

http::Response monai_answer(const MonaiResult& how, const Json& params, Bytes file) {
  if (how.only_json) return http::json_response(200, params);
  if (how.as_file || how.as_dicom_seg) {
    const char* type = how.as_dicom_seg ? "application/dicom" : "application/octet-stream";
    http::Response response = http::make_response(200, type, std::move(file));
    response.headers.push_back(
        {"Content-Disposition", fmt::format("attachment; filename=\"mask.{}\"", how.as_dicom_seg ? "dcm" : "nrrd")});
    return response;
  }
  const std::string head = fmt::format(
      "--{0}\r\nContent-Disposition: form-data; name=\"params\"\r\nContent-Type: application/json\r\n\r\n{1}\r\n"
      "--{0}\r\nContent-Disposition: form-data; name=\"image\"; filename=\"mask.nrrd\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n",
      kBoundary, params.dump());
  const std::string tail = fmt::format("\r\n--{}--\r\n", kBoundary);
  Bytes body;
  body.reserve(head.size() + file.size() + tail.size());
  body.insert(body.end(), head.begin(), head.end());
  body.insert(body.end(), file.begin(), file.end());
  body.insert(body.end(), tail.begin(), tail.end());
  return http::make_response(200, fmt::format("multipart/form-data; boundary={}", kBoundary), std::move(body));
}

}  // namespace sagittal::server
