#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "nn/dataset.h"
#include "nn/plans.h"

namespace sagittal::nn {

enum class ModelKind {
  nninteractive,  ///< answers prompts: inference_info.json or inference_session_class.json is there
  nnunet,         ///< segments by itself
};
/// "nnInteractive", "nnU-Net".
std::string_view name_of(ModelKind kind);

/// One trained configuration: a folder with plans.json, dataset.json and fold_* folders, described from its texts; the
/// weights are not read.
struct ModelFolder {
  ModelKind kind = ModelKind::nnunet;
  std::filesystem::path folder;  ///< where plans.json is
  std::string name;              ///< the folder's name
  std::string licence;           ///< first line of LICENSE, else what is known of the release, else "!!MISSING!!"
  std::string trainer;           ///< of "Trainer__Plans__configuration"; else empty
  Plans plans;
  Configuration configuration;
  Dataset dataset;
  std::vector<std::string> folds;  ///< "0", "1", "all": those that hold a checkpoint, sorted
};

/// The folders with a plans.json at `path` or one level below it, sorted; none where there is none. Trained
/// configurations of one dataset lie side by side that way. Error(io) where it cannot be listed.
std::vector<std::filesystem::path> find_model_folders(const std::filesystem::path& path);

/// Describes the model at `path` or one level below it. Where several are below, `configuration` chooses; in a folder
/// whose name does not say which configuration of the plan was trained, it says so, else the checkpoint does. Throws
/// Error(not_found) where there is no such model, Error(wrong_usage) with their names where several fit, and what the
/// readers throw.
ModelFolder describe_model_folder(const std::filesystem::path& path, std::string_view configuration = {});

/// The name of a fold's checkpoint: checkpoint_final.pth, or checkpoint_best.pth where only that is there. Empty: none.
std::string checkpoint_name(const std::filesystem::path& fold_folder);

}  // namespace sagittal::nn
