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

/// One trained configuration: a folder with plans.json, dataset.json and fold_* folders, or plans.pkl and fold_*
/// folders of nnU-Net version 1, described from its texts; the weights are not read.
struct ModelFolder {
  ModelKind kind = ModelKind::nnunet;
  std::filesystem::path folder;  ///< where the plans are
  std::string name;              ///< the folder's name
  std::string licence;           ///< first line of its LICENSE, else what is known of the release, else "!!MISSING!!"
  std::string trainer;           ///< of "Trainer__Plans__configuration"; else empty
  Plans plans;
  Configuration configuration;
  Dataset dataset;
  std::vector<std::string> folds;  ///< "0", "1", "all": those that hold a checkpoint, sorted

  /// nnU-Net's version.
  int generation() const { return plans.generation; }
};

/// The folders with a plans.json or plans.pkl at `path` or one level below it, sorted; none where there is none.
/// Trained configurations of one dataset lie side by side that way; those of version 1 are found below folders called
/// by their configuration too ("3d_fullres/Task003_Liver/nnUNetTrainerV2__nnUNetPlansv2.1"). Error(io) where it cannot
/// be listed.
std::vector<std::filesystem::path> find_model_folders(const std::filesystem::path& path);

/// Describes the model at `path` or one level below it. Where several are below, `configuration` chooses; in a folder
/// whose name does not say which configuration of the plan was trained, it says so, else the checkpoint does. Throws
/// Error(not_found) where there is no such model, Error(wrong_usage) with their names where several fit, and what the
/// readers throw. Its LICENSE may lie above it, up to `top`: a folder with nothing but this model in it; empty: `path`.
ModelFolder describe_model_folder(const std::filesystem::path& path, std::string_view configuration = {},
                                  const std::filesystem::path& top = {});

/// The folder of a fold: "fold_0", "fold_all", or "all" as version 1 calls it.
std::filesystem::path fold_folder(const std::filesystem::path& model, std::string_view fold);

/// The name of a fold's checkpoint: checkpoint_final.pth, or checkpoint_best.pth where only that is there; of version 1
/// model_final_checkpoint.model or model_best.model. Empty: none.
std::string checkpoint_name(const std::filesystem::path& fold_folder);

/// What describes one model: the plan and the trainer's name, of either version. Throws what the readers throw.
struct PlanFile {
  Plans plans;
  std::string trainer;  ///< of the folder's name; else empty
};
PlanFile read_plan_file(const std::filesystem::path& folder);

/// Which configuration of the plan was trained in `folder`, from its name or that of the folders around it, or from a
/// checkpoint; `asked` decides where nothing tells. Throws Error(wrong_usage) where a choice is needed.
std::string trained_configuration(const std::filesystem::path& folder, const PlanFile& plan, std::string_view asked);

}  // namespace sagittal::nn
