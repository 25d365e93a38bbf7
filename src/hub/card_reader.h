#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hub/card.h"

namespace sagittal::hub {

/// The files of one model's folder that say something about it, by their paths in it: "meta.json", "mhub.toml",
/// "config/default.yml", …
struct CardFiles {
  static constexpr std::size_t kMaxFileBytes = 1 << 20;

  std::string name;  ///< of the folder
  std::map<std::string, std::string> files;

  /// Whether a path below a model's folder is one of those.
  static bool wants(std::string_view path);
};

/// Reads a model's folder of MHub's repository. Error(not_found) where there is no meta.json, Error(bad_input) where it
/// is no JSON object or the name none; all else that is wrong becomes a warning of the card.
ModelCard read_card(const CardFiles& files);

/// The models of MHub's web API: {"data":[…]}. What cannot be read is left out with a line in `problems`.
std::vector<ModelCard> read_web_api(std::string_view json, std::vector<std::string>& problems);

}  // namespace sagittal::hub
