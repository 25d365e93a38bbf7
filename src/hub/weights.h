#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::hub {

/// Weights that somebody publishes for everybody, and on what terms.
struct KnownWeights {
  enum class Host {
    archives,     ///< one ZIP file per model folder, below https://github.com
    huggingface,  ///< files of a repository, listed with their checksums, below https://huggingface.co
  };
  struct Archive {
    std::string path;    ///< behind the host's address
    std::string folder;  ///< the model's, at the top of the archive
    std::string sha256;  ///< empty: its makers publish none
  };

  std::string name;     ///< what `model fetch` is asked for
  std::string title;    ///< for people
  std::string licence;  ///< SPDX
  std::string licence_uri;
  Host host = Host::archives;
  std::vector<Archive> archives = {};
  std::string repository = {};  ///< of huggingface: "owner/name"
  std::string model = {};       ///< an id of its manifest, empty: the manifest's default
};

/// nnInteractive's, and TotalSegmentator's tasks that are open to everybody. Those that need a licence number are not
/// among them.
const std::vector<KnownWeights>& known_weights();

/// Error(not_found) that lists what there is. "nnInteractive_…" is a model of nnInteractive's manifest.
KnownWeights find_weights(std::string_view name);

}  // namespace sagittal::hub
