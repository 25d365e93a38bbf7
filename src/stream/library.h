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
  explicit PipelineLibrary(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}

  struct Entry {
    std::string name, title, description;
    std::string problem;  ///< why it cannot be read; empty where it can
  };
  /// By name.
  std::vector<Entry> list() const;

  /// `name`: letters, digits, "_" and "-". Error(not_found) that names those there are; see `read_pipeline`.
  PipelineFile read(std::string_view name) const;

 private:
  const std::vector<std::filesystem::path> folders_;
};

}  // namespace sagittal::stream
