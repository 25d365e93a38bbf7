#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "stream/pipeline_file.h"

namespace sagittal::stream {

/// Pipelines by name: NAME.yaml in a list of folders, the first that has it. What lies there is trusted: it may name
/// files and addresses.
class PipelineLibrary {
 public:
  /// `assets`: where what pipelines have fetched lies; empty: nowhere.
  explicit PipelineLibrary(std::vector<std::filesystem::path> folders, std::filesystem::path assets = {})
      : folders_(std::move(folders)), assets_(std::move(assets)) {}

  struct Entry {
    std::string name, title;
    std::string problem;  ///< why it cannot be read; empty where it can
    PipelineFile file;    ///< without operators where it cannot be read
  };
  /// By name.
  std::vector<Entry> list() const;

  /// `name`: letters, digits, "_" and "-". Error(not_found) that names those there are; see `read_pipeline`.
  PipelineFile read(std::string_view name) const;

  const std::filesystem::path& assets() const { return assets_; }

 private:
  const std::vector<std::filesystem::path> folders_;
  const std::filesystem::path assets_;
};

/// What a start would run: {"name", "title", "description", "problem": why it cannot be started, or null, "stand_ins":
/// [what runs in an asset's place, for people], and what `describe(Graph)` gives, empty where it cannot be built}.
Json describe(const PipelineLibrary::Entry& entry, const OperatorRegistry& registry,
              const std::filesystem::path& assets);

}  // namespace sagittal::stream
