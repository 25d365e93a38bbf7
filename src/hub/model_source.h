#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/progress.h"
#include "hub/card_reader.h"

namespace sagittal::hub {

/// Where MHub tells its models.
inline constexpr const char* kMHubModels = "https://mhub.ai/api/v2/models/detailed";

/// Where the files of its models are, each below models/NAME.
inline constexpr const char* kMHubFiles = "https://raw.githubusercontent.com/MHubAI/models/main";

/// What was found where models were looked for.
struct FoundModels {
  std::vector<ModelCard> cards;       ///< sorted by name, each once
  std::vector<std::string> problems;  ///< what could not be read, and why
  std::vector<std::string> skipped;   ///< folders that are no models: without meta.json
};

/// Models of a checkout of MHub's repository: the subfolders of `folder`/models, or of `folder`. Links are not
/// followed. Error(not_found) where there is no model.
FoundModels find_in_folder(const std::filesystem::path& folder, const RunControl& control = {});

/// Models of an archive of that repository, or of an answer of the web API. Error(bad_input | too_large | not_found).
FoundModels find_in_bytes(ByteView bytes, const RunControl& control = {});

/// Models of a folder, a file or an http(s) address. Error(unavailable) where the server cannot be reached.
FoundModels find_models(const std::string& from, const RunControl& control);

/// The file of a model's workflow below `repository`. Error(not_found) where there is none, Error(too_large),
/// Error(unavailable) where the server cannot be reached, Error(wrong_usage) for what is no name.
std::string fetch_workflow(const std::string& repository, const std::string& model, const std::string& workflow,
                           const RunControl& control);

}  // namespace sagittal::hub
