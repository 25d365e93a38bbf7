#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "stream/library.h"
#include "stream/registry.h"

namespace sagittal {

/// All operators of this program, and those of plug-ins.
stream::OperatorRegistry stream_operators(const std::vector<std::string>& plugins);

/// Where pipelines are looked for by name: `extra`, `data_directory`/pipelines, beside the installed program
/// (share/sagittal/pipelines), in the source tree.
std::vector<std::filesystem::path> pipeline_directories(const std::filesystem::path& data_directory,
                                                        const std::vector<std::string>& extra = {});

/// Where what pipelines need from elsewhere lies once it has been fetched.
inline std::filesystem::path assets_directory(const std::filesystem::path& data_directory) {
  return data_directory / "assets";
}

}  // namespace sagittal
