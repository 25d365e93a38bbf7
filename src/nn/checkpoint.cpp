#include "nn/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/error.h"
#include "nn/licence.h"
#include "nn/model_folder.h"
#include "nn/plans_v1.h"
#include "nn/torch_file.h"

namespace sagittal::nn {
namespace {

constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 20;

std::filesystem::path find_fold(const std::filesystem::path& folder, const std::string& fold) {
  if (!fold.empty()) return fold_folder(folder, fold);
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.starts_with("fold_")) found.push_back(name);
  }
  if (found.size() == 1) return folder / found[0];
  throw Error(found.empty() ? ErrorCode::not_found : ErrorCode::wrong_usage,
              fmt::format("{}: expected one fold_* folder, found {}; choose a fold", folder.string(),
                          found.empty() ? "none" : fmt::format("{}", fmt::join(found, ", "))));
}

int image_channels_of(const Json& dataset) {
  const char* key = dataset.contains("modality") ? "modality" : "channel_names";
  const auto channels = json_get<Json>(dataset, key, "dataset.json");
  if (!channels.is_object() && !channels.is_array()) throw_json_type(dataset, key, "dataset.json");
  return static_cast<int>(channels.size());
}

/// What version 2 keeps in dataset.json, version 1 in its plan.
Json read_dataset(const std::filesystem::path& folder, const Plans& plans) {
  if (plans.generation == 1) return {{"channel_names", json_get<Json>(plans.json, "channel_names", "plans.pkl")}};
  Json dataset = parse_json(as_text(read_file(folder / "dataset.json", kMaxJsonBytes)), "dataset.json");
  if (!dataset.is_object()) throw Error(ErrorCode::bad_input, "dataset.json: expected an object");
  return dataset;
}

/// What version 1's checkpoint does not say: its configuration, its mirroring, and version 2's names of the layers.
void complete_v1(const std::filesystem::path& folder, const PlanFile& plan, TorchFile& file) {
  check_trainer_v1(plan.trainer);
  file.trainer_name = plan.trainer;
  if (file.configuration.empty()) file.configuration = trained_configuration(folder, plan, {});
  const UNet network = plan.plans.configuration(file.configuration).network;
  file.mirroring_axes = mirroring_axes_v1(plan.trainer, network.dimensions);
  file.weights = weights_from_v1(file.weights, network);
}

Checkpoint open_parts(const std::filesystem::path& folder, const CheckpointOptions& options) {
  Checkpoint out;
  out.folder = folder;
  out.name = std::filesystem::absolute(folder).lexically_normal().filename().string();
  if (out.name.empty())
    out.name = std::filesystem::absolute(folder).lexically_normal().parent_path().filename().string();
  PlanFile plan = read_plan_file(folder);
  out.dataset = read_dataset(folder, plan.plans);
  out.image_channels = image_channels_of(out.dataset);
  const std::filesystem::path fold = find_fold(folder, options.fold);
  const bool version_1 = plan.plans.generation == 1;
  const std::string name =
      version_1 && options.file_name == CheckpointOptions().file_name && !checkpoint_name(fold).empty()
          ? checkpoint_name(fold)
          : options.file_name;
  out.file = fold / name;
  TorchFile file = read_torch_file(out.file);
  try {
    if (version_1) {
      if (!options.configuration.empty()) file.configuration = options.configuration;
      complete_v1(folder, plan, file);
    }
    out.configuration = plan.plans.configuration(file.configuration);
    out.network = out.configuration.network;
    out.trainer_name = std::move(file.trainer_name);
    out.mirroring_axes = std::move(file.mirroring_axes);
    out.foreign_names = std::move(file.foreign_names);
    set_channels_from_weights(out.network, file.weights);
    out.weights = select_parameters(out.network, file.weights);
  } catch (Error& error) {
    throw error.within(name);
  }
  out.plans = std::move(plan.plans);
  out.licence = licence_of(folder, folder, out.plans, out.configuration.name);
  return out;
}

}  // namespace

std::int64_t Checkpoint::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [key, tensor] : weights.tensors) count += tensor.element_count();
  return count;
}

Checkpoint open_checkpoint(const std::filesystem::path& folder, const CheckpointOptions& options) {
  if (!std::filesystem::is_directory(folder)) {
    throw Error(ErrorCode::not_found, fmt::format("{} is not a folder; expected a checkpoint folder", folder.string()));
  }
  try {
    return open_parts(folder, options);
  } catch (Error& error) {
    throw error.within(fmt::format("checkpoint {}", folder.string()));
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(ErrorCode::io, fmt::format("checkpoint {}: {}", folder.string(), error.what()));
  }
}

}  // namespace sagittal::nn
