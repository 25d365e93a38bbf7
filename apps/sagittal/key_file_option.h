#pragma once
#include <filesystem>
#include <string>

#include <CLI/CLI.hpp>

#include "model_lookup.h"

namespace sagittal {

/// Where the API keys are: `--api-key-file`, else `api_keys.json` in the data directory.
struct KeyFileOption {
  std::string data_directory = default_data_directory().string();
  std::string file = {};

  std::filesystem::path path() const {
    return file.empty() ? std::filesystem::path(data_directory) / "api_keys.json" : std::filesystem::path(file);
  }
};

/// Adds --api-key-file and --data-dir; `option` must outlive the parsing.
inline void add_key_file_option(CLI::App& command, KeyFileOption& option) {
  command
      .add_option("--api-key-file", option.file, "The file of keys; api_keys.json in the data directory where absent")
      ->type_name("FILE");
  command.add_option("--data-dir", option.data_directory, "Where models and state are kept")->capture_default_str();
}

}  // namespace sagittal
