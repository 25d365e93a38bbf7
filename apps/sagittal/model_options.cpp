#include "model_options.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/error.h"
#include "data_folder.h"
#include "network_options.h"
#include "nn/cpu/tuning.h"

namespace sagittal {

void add_model_options(CLI::App& command, ModelOptions& options, ModelCount count) {
  command
      .add_option("--model", options.models,
                  count == ModelCount::one
                      ? "Model by name or folder"
                      : "Model by name or folder; where it is given several times, the first is the default")
      ->type_name("NAME|DIR")
      ->expected(1)
      ->multi_option_policy(count == ModelCount::one ? CLI::MultiOptionPolicy::Throw : CLI::MultiOptionPolicy::TakeAll)
      ->default_str(std::string(kDefaultModel));
  command.add_option("--data-dir", options.data_directory, "Where models and state are kept")->capture_default_str();
  add_network_options(command, options.precision, options.threads, options.device);
}

std::vector<std::shared_ptr<const interact::Model>> load_models(const ModelOptions& options,
                                                                const interact::Workspace& workspace) {
  interact::LoadOptions load;
  load.workspace = workspace;
  load.threads = options.threads;
  load.precision = options.precision;
  load.devices = open_devices(options.device);
  const bool no_folder = options.data_directory == kNoFolder;
  if (no_folder) load.tuning = std::make_shared<nn::cpu::Tuning>();  // nothing is written, not even what is fastest
  const auto data = no_folder ? default_data_directory() : std::filesystem::path(options.data_directory);
  std::vector<std::filesystem::path> folders;
  for (const std::string& model : options.models) {
    auto folder = find_model(model, data);
    if (std::find(folders.begin(), folders.end(), folder) != folders.end()) {
      throw Error(ErrorCode::wrong_usage, fmt::format("--model {}: {} is named twice", model, folder.string()));
    }
    folders.push_back(std::move(folder));
  }
  std::vector<std::shared_ptr<const interact::Model>> models;
  for (const auto& folder : folders) models.push_back(interact::load_model(folder, load));
  return models;
}

}  // namespace sagittal
