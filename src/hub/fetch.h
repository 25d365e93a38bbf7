#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "hub/weights.h"

namespace sagittal::hub {

/// Error(wrong_usage), which says how to accept it, unless `accepted` is the name of the licence of `what`.
void require_licence(std::string_view what, std::string_view licence, std::string_view licence_url,
                     std::string_view accepted);

struct FetchOptions {
  std::filesystem::path models;  ///< the folder that model folders are put into; made where it is not there
  std::string mirror = {};       ///< takes the place of https://github.com or https://huggingface.co
  std::string accepted = {};     ///< the licence that the user has accepted
};

struct FetchedModel {
  struct File {
    std::string url;
    std::string sha256;
    bool published = false;  ///< whether its maker says that this is the checksum
  };
  std::filesystem::path folder;
  bool was_there = false;  ///< nothing was fetched
  std::vector<File> files = {};
};

/// Brings the weights into `models`, each folder whole or not at all; what is there already stays as it is. A stopped
/// or broken fetch goes on where it was. Beside the weights lies source.json, which says where they come from, under
/// which licence, and their checksums. Error(wrong_usage) where `accepted` is not the licence: before the first byte is
/// asked for; Error(bad_input) for what is no model or has a wrong checksum; Error(conflict) while another process
/// fetches the same; else as net::download and unpack_archive.
std::vector<FetchedModel> fetch_weights(const KnownWeights& weights, const FetchOptions& options,
                                        const RunControl& control);

}  // namespace sagittal::hub
