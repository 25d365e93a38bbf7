#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "nn/device/devices.h"
#include "nn/model_folder.h"
#include "nn/network.h"
#include "segment/plan.h"

namespace sagittal::segment {

/// One configuration of nnU-Net with the folds that answer together. Immutable; any number of predictions may share it.
struct Model {
  nn::ModelFolder folder;
  Plan plan;
  std::vector<std::string> folds;  ///< "0" or "all", in the order of `networks`
  std::vector<std::shared_ptr<const nn::Network>> networks;
  std::vector<int> mirror_axes;      ///< of the network, that training allowed
  std::string previous_stage;        ///< configuration whose labels are further channels; empty: none
  std::vector<int> previous_labels;  ///< a channel each

  /// "oneDNN 2.6.3, bf16, AMX, 2 threads".
  std::string description() const { return networks[0]->description(); }
};

struct LoadOptions : nn::NetworkOptions {
  std::string configuration;       ///< where the folder holds several
  std::vector<std::string> folds;  ///< empty: all numbered ones, else "all"
  std::string checkpoint;          ///< file in each fold; empty: checkpoint_final.pth, or checkpoint_best.pth alone
};

/// Opens the nnU-Net folder at `path` or one level below it. Throws Error(not_found | wrong_usage) where it or a fold
/// is missing or several fit, Error(bad_input) for broken ones, Error(unsupported) for what would have to be guessed.
std::shared_ptr<const Model> load_model(const std::filesystem::path& path, const LoadOptions& options = {});

/// Where the model of the stage before a cascade's second lies: beside it, of the same trainer and plans. Throws
/// Error(not_found) that names the folder.
std::filesystem::path previous_stage_folder(const Model& model);

}  // namespace sagittal::segment
