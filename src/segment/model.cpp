#include "segment/model.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "nn/checkpoint.h"
#include "nn/cpu/shared_arena.h"

namespace sagittal::segment {
namespace {

std::vector<std::string> choose_folds(const nn::ModelFolder& folder, const std::vector<std::string>& asked) {
  if (!asked.empty()) return asked;
  std::vector<std::string> numbered;
  for (const std::string& fold : folder.folds) {
    if (fold != "all") numbered.push_back(fold);
  }
  if (!numbered.empty()) return numbered;
  if (folder.folds.empty()) {
    throw Error(ErrorCode::not_found, "no fold_* folder with a checkpoint in it");
  }
  return folder.folds;
}

std::string checkpoint_of(const nn::ModelFolder& folder, const std::string& fold, const std::string& asked) {
  if (!asked.empty()) return asked;
  const std::string found = nn::checkpoint_name(nn::fold_folder(folder.folder, fold));
  if (!found.empty()) return found;
  throw Error(ErrorCode::not_found,
              fmt::format("fold \"{}\" has no checkpoint; there are {}", fold,
                          folder.folds.empty() ? "none" : fmt::format("{}", fmt::join(folder.folds, ", "))));
}

void check_trainer(const std::string& trainer) {
  if (trainer.starts_with("nnUNetTrainer")) return;
  throw Error(ErrorCode::unsupported,
              fmt::format("trained by \"{}\", expected an nnUNetTrainer: what others change is not known", trainer));
}

void check_mirroring(const std::vector<int>& axes, int dimensions) {
  std::vector<int> sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  const bool repeated = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
  const bool outside = !sorted.empty() && (sorted.front() < 0 || sorted.back() >= dimensions);
  if (!repeated && !outside) return;
  throw Error(ErrorCode::bad_input,
              fmt::format("mirroring axes [{}] of a {}D network", fmt::join(axes, ", "), dimensions));
}

void check_channels(const nn::UNet& network, const Model& model) {
  const auto images = static_cast<int>(model.plan.channels.size());
  const int inputs = images + static_cast<int>(model.previous_labels.size());
  if (network.input_channels != inputs) {
    throw Error(ErrorCode::bad_input,
                fmt::format("the network takes {} channels, expected {}: {} of images and {} of the stage before",
                            network.input_channels, inputs, images, model.previous_labels.size()));
  }
  if (network.output_channels != model.folder.dataset.heads()) {
    throw Error(ErrorCode::bad_input, fmt::format("the network has {} heads, dataset.json needs {}",
                                                  network.output_channels, model.folder.dataset.heads()));
  }
}

void load_folds(Model& model, const LoadOptions& options) {
  // Folds run one after the other, so one arena does for all.
  const auto arenas = nn::cpu::make_arenas();
  for (std::size_t n = 0; n < model.folds.size(); ++n) {
    const nn::Checkpoint checkpoint = nn::open_checkpoint(
        model.folder.folder, {model.folds[n], checkpoint_of(model.folder, model.folds[n], options.checkpoint),
                              model.folder.configuration.name});
    check_trainer(checkpoint.trainer_name);
    if (checkpoint.configuration.name != model.folder.configuration.name) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("fold {} was trained as \"{}\", the folder is \"{}\"", model.folds[n],
                              checkpoint.configuration.name, model.folder.configuration.name));
    }
    check_channels(checkpoint.network, model);
    const std::vector<int> axes = checkpoint.mirroring_axes.value_or(std::vector<int>());
    check_mirroring(axes, model.plan.dimensions);
    if (n == 0) model.mirror_axes = axes;
    model.networks.push_back(nn::make_network(checkpoint.network, checkpoint.weights, options, arenas));
  }
}

/// Version 1 keeps configurations in folders around the task's, and may have trained them with different trainers.
std::filesystem::path previous_stage_folder_v1(const Model& model) {
  const auto task = model.folder.folder.parent_path();
  const auto place = task.parent_path().parent_path() / model.previous_stage / task.filename();
  std::vector<std::filesystem::path> found = nn::find_model_folders(place);
  const std::string plans = "__" + model.folder.plans.plans_name;
  std::erase_if(found, [&](const auto& folder) { return !folder.filename().string().ends_with(plans); });
  if (found.size() == 1) return found[0];
  throw Error(
      ErrorCode::not_found,
      fmt::format("expected one model of the stage before in {}, found {}; its segmentation can be given instead",
                  place.string(), found.size()));
}

}  // namespace

std::shared_ptr<const Model> load_model(const std::filesystem::path& path, const LoadOptions& options) {
  const auto model = std::make_shared<Model>();
  model->folder = nn::describe_model_folder(path, options.configuration);
  model->plan = read_plan(model->folder);
  model->previous_stage = model->folder.configuration.previous_stage;
  if (!model->previous_stage.empty()) model->previous_labels = model->folder.dataset.foreground();
  try {
    model->folds = choose_folds(model->folder, options.folds);
    load_folds(*model, options);
  } catch (Error& error) {
    throw error.within(fmt::format("model {}", model->folder.folder.string()));
  }
  return model;
}

std::filesystem::path previous_stage_folder(const Model& model) {
  if (model.plan.generation == 1) return previous_stage_folder_v1(model);
  const std::string& name = model.folder.name;
  const auto folder = model.folder.folder.parent_path() / (name.substr(0, name.rfind("__") + 2) + model.previous_stage);
  if (name.find("__") != std::string::npos && std::filesystem::exists(folder / "plans.json")) return folder;
  throw Error(
      ErrorCode::not_found,
      fmt::format("the stage before, {}, is not there; its segmentation can be given instead", folder.string()));
}

}  // namespace sagittal::segment
