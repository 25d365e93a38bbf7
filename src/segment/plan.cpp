#include "segment/plan.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace sagittal::segment {
namespace {

constexpr double kAnisotropy = 3;
constexpr double kMaxGridVoxels = 2147483648.0;

[[noreturn]] void refuse(const std::string& problem) { throw Error(ErrorCode::unsupported, problem); }

Normalisation normalisation_from_name(const std::string& name) {
  if (name == "CTNormalization") return Normalisation::ct;
  if (name == "ZScoreNormalization") return Normalisation::z_score;
  if (name == "NoNormalization") return Normalisation::none;
  if (name == "RescaleTo01Normalization") return Normalisation::zero_to_one;
  if (name == "RGBTo01Normalization") return Normalisation::rgb;
  refuse(
      fmt::format("normalisation \"{}\"; known are CTNormalization, ZScoreNormalization, NoNormalization, "
                  "RescaleTo01Normalization and RGBTo01Normalization",
                  name));
}

/// Of version 1.
Normalisation normalisation_from_scheme(const std::string& name) {
  if (name == "CT") return Normalisation::ct;
  if (name == "CT2") return Normalisation::ct_own;
  if (name == "nonCT") return Normalisation::z_score;
  if (name == "noNorm") return Normalisation::none;
  refuse(fmt::format("normalisation \"{}\"; known are CT, CT2, nonCT and noNorm", name));
}

std::vector<ChannelPlan> read_channels(const nn::ModelFolder& model) {
  const nn::Configuration& from = model.configuration;
  const std::size_t count = model.dataset.channel_names.size();
  if (from.normalization_schemes.size() != count || from.use_mask_for_norm.size() != count) {
    throw Error(ErrorCode::bad_input, fmt::format("{} channels, but {} normalisations and {} masks for them", count,
                                                  from.normalization_schemes.size(), from.use_mask_for_norm.size()));
  }
  std::vector<ChannelPlan> channels(count);
  for (std::size_t c = 0; c < count; ++c) {
    const std::string& name = from.normalization_schemes[c];
    channels[c].normalisation =
        model.generation() == 1 ? normalisation_from_scheme(name) : normalisation_from_name(name);
    channels[c].masked = from.use_mask_for_norm[c];
    if (c < model.plans.intensity_properties.size()) {
      channels[c].intensity = model.plans.intensity_properties[c];
    } else if (channels[c].normalisation == Normalisation::ct || channels[c].normalisation == Normalisation::ct_own) {
      throw Error(ErrorCode::bad_input, fmt::format("the plan lacks the intensities of channel {}", c));
    }
  }
  return channels;
}

Resampling read_resampling(const Json& configuration, const std::string& what, int default_order) {
  const std::string key = "resampling_fn_" + what;
  Resampling out;
  out.order = default_order;
  const auto function = json_get_or<std::string>(configuration, key.c_str(), key, "resample_data_or_seg_to_shape");
  const auto options = json_get_or<Json>(configuration, (key + "_kwargs").c_str(), key, Json::object());
  if (!options.is_object()) throw_json_type(configuration, (key + "_kwargs").c_str(), key);
  if (function == "resample_torch_fornnunet") {
    out.method = Resampling::Method::torch;
    out.order = 1;
  } else if (function == "resample_data_or_seg_to_shape") {
    out.order = json_get_or<int>(options, "order", key, default_order);
    if (const int z = json_get_or<int>(options, "order_z", key, 0); z != 0) {
      refuse(fmt::format("{} of order {} across slices, expected 0", key, z));
    }
  } else {
    refuse(
        fmt::format("{} \"{}\"; known are resample_data_or_seg_to_shape and resample_torch_fornnunet", key, function));
  }
  if (out.order != 0 && out.order != 1 && out.order != 3) {
    refuse(fmt::format("{} of order {}, expected 0, 1 or 3", key, out.order));
  }
  if (options.contains("force_separate_z") && !options["force_separate_z"].is_null()) {
    out.separate_z = json_get<bool>(options, "force_separate_z", key);
  }
  return out;
}

std::array<std::size_t, 3> read_transpose(const nn::Plans& plans) {
  if (plans.transpose_forward.empty()) return {0, 1, 2};
  std::vector<int> sorted = plans.transpose_forward;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != std::vector{0, 1, 2}) {
    throw Error(ErrorCode::bad_input, fmt::format("\"transpose_forward\" is [{}], expected an order of 0, 1, 2",
                                                  fmt::join(plans.transpose_forward, ", ")));
  }
  std::array<std::size_t, 3> out{};
  for (std::size_t a = 0; a < 3; ++a) out[a] = static_cast<std::size_t>(plans.transpose_forward[a]);
  const auto& back = plans.transpose_backward;
  for (std::size_t a = 0; a < 3 && !back.empty(); ++a) {
    if (back.size() != 3 || back[out[a]] != static_cast<int>(a)) {
      throw Error(ErrorCode::bad_input, fmt::format("\"transpose_backward\" is [{}], which does not undo [{}]",
                                                    fmt::join(back, ", "), fmt::join(plans.transpose_forward, ", ")));
    }
  }
  return out;
}

bool read_reorient(const nn::ModelFolder& model) {
  std::string name = model.dataset.reader_writer;
  if (name.empty())
    name = json_get_or<std::string>(model.plans.json, "image_reader_writer", "plans.json", "SimpleITKIO");
  if (name == "SimpleITKIO" || name == "NibabelIO") return false;
  if (name == "NibabelIOWithReorient") return true;
  refuse(fmt::format("images read by \"{}\"; known are SimpleITKIO, NibabelIO and NibabelIOWithReorient", name));
}

void check_recipe(const nn::ModelFolder& model) {
  if (model.kind != nn::ModelKind::nnunet) {
    refuse("a model that answers prompts; `sagittal segment` and `sagittal serve` run it");
  }
  const auto preprocessor =
      json_get_or<std::string>(model.configuration.json, "preprocessor_name", "plans.json", "DefaultPreprocessor");
  if (preprocessor != "DefaultPreprocessor") {
    refuse(fmt::format("preprocessor \"{}\", expected DefaultPreprocessor", preprocessor));
  }
}

std::vector<double> read_spacing(const nn::Configuration& configuration) {
  const auto positive = [](double mm) { return std::isfinite(mm) && mm > 0; };
  const auto& spacing = configuration.spacing_mm;
  if (spacing.size() != static_cast<std::size_t>(configuration.network.dimensions) ||
      !std::all_of(spacing.begin(), spacing.end(), positive)) {
    throw Error(ErrorCode::bad_input, fmt::format("\"spacing\" is [{}], expected {} positive numbers",
                                                  fmt::join(spacing, ", "), configuration.network.dimensions));
  }
  return spacing;
}

/// The one axis of the largest spacing, where it is more than kAnisotropy times the smallest.
std::optional<int> coarsest_axis(const Vec3& spacing, bool whatever_ratio, bool& anisotropic) {
  const auto [low, high] = std::minmax_element(spacing.begin(), spacing.end());
  anisotropic = whatever_ratio || *high / *low > kAnisotropy;
  if (!anisotropic || std::count(spacing.begin(), spacing.end(), *high) != 1) return {};
  return static_cast<int>(high - spacing.begin());
}

}  // namespace

Vec3 Plan::target_spacing(const Vec3& spacing) const {
  Vec3 out = spacing;
  std::copy_backward(spacing_mm.begin(), spacing_mm.end(), out.end());
  return out;
}

Plan read_plan(const nn::ModelFolder& model) {
  try {
    check_recipe(model);
    const nn::Configuration& from = model.configuration;
    Plan out;
    out.generation = model.generation();
    out.dimensions = from.network.dimensions;
    std::copy_backward(from.patch_size.begin(), from.patch_size.end(), out.patch.end());
    out.spacing_mm = read_spacing(from);
    out.transpose = read_transpose(model.plans);
    out.reorient = read_reorient(model);
    out.channels = read_channels(model);
    out.data = read_resampling(from.json, "data", 3);
    out.labels = read_resampling(from.json, "seg", 1);
    out.logits = read_resampling(from.json, "probabilities", 1);
    if (out.logits.order == 3 || out.labels.order != 1) {
      refuse(fmt::format("logits resampled with order {} and labels with order {}, expected 0 or 1, and 1",
                         out.logits.order, out.labels.order));
    }
    return out;
  } catch (Error& error) {
    throw error.within(fmt::format("model {}", model.folder.string()));
  }
}

Index3 resampled_shape(const Index3& shape, const Vec3& from_mm, const Vec3& to_mm) {
  Index3 out{};
  double voxels = 1;
  for (std::size_t a = 0; a < 3; ++a) {
    const double extent = std::nearbyint(from_mm[a] / to_mm[a] * static_cast<double>(shape[a]));
    voxels *= std::max(extent, 1.0);
    if (!(voxels <= kMaxGridVoxels)) {
      throw Error(ErrorCode::too_large,
                  fmt::format("an image of {} voxels at {} mm would have more than 2^31 voxels at {} mm",
                              describe_shape(shape), fmt::join(from_mm, " x "), fmt::join(to_mm, " x ")));
    }
    out[a] = static_cast<std::int64_t>(extent);
    if (out[a] < 1) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("an image of {} voxels at {} mm is thinner than one voxel of {} mm",
                              describe_shape(shape), fmt::join(from_mm, " x "), fmt::join(to_mm, " x ")));
    }
  }
  return out;
}

int separate_axis(const Resampling& resampling, const Vec3& from_mm, const Vec3& to_mm) {
  bool anisotropic = false;
  if (resampling.separate_z) {
    return *resampling.separate_z ? coarsest_axis(from_mm, true, anisotropic).value_or(-1) : -1;
  }
  const auto axis = coarsest_axis(from_mm, false, anisotropic);
  if (anisotropic) return axis.value_or(-1);
  return coarsest_axis(to_mm, false, anisotropic).value_or(-1);
}

}  // namespace sagittal::segment
