#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace sagittal::stream {

struct PipelineFile;

/// A file of somebody else that a pipeline needs; "asset:NAME" in its parameters stands for where it lies once it has
/// been fetched.
struct Asset {
  /// How a network of Keras becomes a folder with network.json.
  struct Conversion {
    bool divide_by_maximum = false, flip_vertically = false;
    std::vector<std::string> labels = {};
    bool operator==(const Conversion&) const = default;
  };
  std::string name;   ///< letters, digits, "_" and "-"
  std::string title;  ///< for people
  std::string url;    ///< http or https
  std::string file;   ///< last part of the URL
  std::string sha256;
  std::uint64_t bytes = 0;
  std::string licence, licence_url;  ///< SPDX
  std::string attribution;           ///< whom to thank
  std::optional<Conversion> convert = {};

  static constexpr std::uint64_t kMaxBytes = std::uint64_t{16} << 30;
  static constexpr std::size_t kMost = 64;
};

/// The table "assets" of a pipeline. Error(bad_input) naming the asset, what was expected and found.
std::vector<Asset> parse_assets(const Json& table);

/// Where it is put together, and what says that it is there: the file source.json in it.
std::filesystem::path folder_of(const Asset& asset, const std::filesystem::path& assets);
/// What parameters are given: the file, of a network the folder.
std::filesystem::path path_of(const Asset& asset, const std::filesystem::path& assets);
/// What source.json says at least.
Json record_of(const Asset& asset);
bool is_there(const Asset& asset, const std::filesystem::path& assets);

/// Those that operators name and that are not below `assets`. Error(bad_input) for a name that is not declared.
std::vector<Asset> missing_assets(const PipelineFile& pipeline, const std::filesystem::path& assets);

/// An operator that another one took the place of.
struct StoodIn {
  std::string op, type;  ///< its name, and what runs there now
  Asset asset;           ///< that was not there
};
/// Gives operators the paths of their assets. Where one is not there, what the pipeline names as `stand_in` runs with
/// its own parameters and those that `override_setting` gave; Error(not_found) where it names none.
std::vector<StoodIn> settle_assets(PipelineFile& pipeline, const std::filesystem::path& assets);

/// "bone runs echo_surface, for SagittalSpine_05.h5 is not here", for people.
std::string describe(const StoodIn& stood_in);

}  // namespace sagittal::stream
