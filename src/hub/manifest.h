#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::hub {

/// What a repository of Hugging Face tells of nnInteractive's models; all of it a stranger's text.

inline constexpr std::uint64_t kMaxListBytes = std::uint64_t{8} << 20;

struct ManifestModel {
  std::string id;    ///< the model folder's name
  std::string path;  ///< in the repository
};

/// The model of models.json with that id, or its default: the first that says so, else the first. Entries whose id or
/// path does not begin with "nnInteractive_", or is no plain name, do not count. Error(bad_input | not_found).
ManifestModel choose_model(std::string_view manifest, std::string_view id);

struct ListedFile {
  std::string path;  ///< below the model's folder; neither "..", nor an empty part
  std::uint64_t size = 0;
  std::string sha256;  ///< empty for small files, for which the repository has none
};

/// The files below `folder` in a listing of the repository. Error(bad_input) for other paths, and where there are more
/// than 500 files or 64 GiB.
std::vector<ListedFile> parse_file_list(std::string_view listing, std::string_view folder);

/// Paths behind the address of the host.
std::string manifest_path(std::string_view repository);
std::string list_path(std::string_view repository, std::string_view folder);
std::string file_path(std::string_view repository, std::string_view path);

}  // namespace sagittal::hub
