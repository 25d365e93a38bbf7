#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal {

/// The model in the repository, used where none is named.
inline constexpr std::string_view kDefaultModel = "sagittal-small";

/// $XDG_DATA_HOME/sagittal, or ~/.local/share/sagittal.
std::filesystem::path default_data_directory();

/// The list of a hub's models in a data directory.
std::filesystem::path catalogue_file(const std::filesystem::path& data_directory);

/// Where models are looked for by name, the first place first: `data_directory`/models, beside the installed program
/// (share/sagittal/models), in the source tree.
std::vector<std::filesystem::path> model_directories(const std::filesystem::path& data_directory);

/// The checkpoint folder of a model given by path or by name. A name is looked up in those directories. Throws
/// Error(not_found) that lists the places.
std::filesystem::path find_model(std::string_view name_or_path,
                                 const std::filesystem::path& data_directory = default_data_directory());

/// The same for a folder that holds the plans.json or has it one level below, as nnU-Net lays models out.
std::filesystem::path find_model_or_parent(std::string_view name_or_path,
                                           const std::filesystem::path& data_directory = default_data_directory());

/// The folder right below a models directory that holds `model`, which is all that model's own; `model` where it lies
/// elsewhere.
std::filesystem::path model_top(const std::filesystem::path& model, const std::filesystem::path& data_directory);

}  // namespace sagittal
