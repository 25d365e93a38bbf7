#pragma once
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "nn/architecture.h"
#include "nn/plans.h"
#include "nn/tensor.h"

namespace sagittal::nn {

struct CheckpointOptions {
  std::string fold;  ///< "0", "all"; empty: the only `fold_*` folder there is
  std::string file_name = "checkpoint_final.pth";
  std::string configuration = {};  ///< version 1, where neither folder nor checkpoint says it
};

/// A checkpoint folder of nnInteractive or nnU-Net, version 2 or 1, opened without executing anything in it. The
/// weights are views of the mapped .pth file, which lives as long as any copy of `weights`.
struct Checkpoint {
  std::filesystem::path folder;
  std::filesystem::path file;  ///< the .pth
  std::string name;            ///< the folder's name
  std::string licence;         ///< first line of LICENSE, else what is known of the release, else "!!MISSING!!"
  Plans plans;
  Configuration configuration;
  Json dataset;            ///< dataset.json; of version 1 its channels
  int image_channels = 1;  ///< declared by dataset.json; the rest of the input channels are prompts
  UNet network;            ///< channel counts taken from the weights
  StateDict weights;       ///< exactly the network's parameters
  std::string trainer_name;
  std::optional<std::vector<int>> mirroring_axes;
  std::set<std::string> foreign_names;  ///< names of code in the pickle that was not understood, hence ignored

  std::int64_t parameter_count() const;
};

/// Throws Error(not_found) for missing files, Error(bad_input) for broken ones, Error(unsupported) for networks that
/// this engine does not know.
Checkpoint open_checkpoint(const std::filesystem::path& folder, const CheckpointOptions& options = {});

}  // namespace sagittal::nn
