#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "hub/card.h"

namespace sagittal::hub {

/// The checkpoint folders of nn/model_folder.h right below `places`; of equal names the first place counts, which is
/// the one that `--model NAME` finds. Sorted by name.
std::vector<std::filesystem::path> find_local_models(const std::vector<std::filesystem::path>& places);

/// The card of a checkpoint folder of nnInteractive or nnU-Net, from its texts; weights are not read. What is broken
/// is a warning of the card. `top` as in nn::describe_model_folder.
ModelCard read_local_card(const std::filesystem::path& folder, const std::filesystem::path& top = {});

}  // namespace sagittal::hub
