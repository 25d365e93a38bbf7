#include "model_lookup.h"

#include <cstdlib>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "nn/model_folder.h"

namespace sagittal {
namespace {

std::filesystem::path environment_path(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <class IsModel>
std::filesystem::path look_up(std::string_view name_or_path, const std::filesystem::path& data_directory,
                              std::string_view expected, IsModel&& is_model) {
  const std::filesystem::path given(name_or_path);
  if (is_model(given)) return std::filesystem::canonical(given);
  std::string places;
  for (const auto& directory : model_directories(data_directory)) {
    const bool plain_name = given == given.filename() && given != "." && given != "..";
    if (plain_name && is_model(directory / given)) return std::filesystem::canonical(directory / given);
    places += fmt::format("\n  {}", directory.lexically_normal().string());
  }
  throw Error(ErrorCode::not_found,
              fmt::format("no model '{}': neither {} nor a name in{}", name_or_path, expected, places));
}

}  // namespace

std::filesystem::path default_data_directory() {
  const auto xdg = environment_path("XDG_DATA_HOME");
  if (xdg.is_absolute()) return xdg / "sagittal";
  return environment_path("HOME") / ".local/share/sagittal";
}

std::filesystem::path catalogue_file(const std::filesystem::path& data_directory) { return data_directory / "hub.db"; }

std::vector<std::filesystem::path> model_directories(const std::filesystem::path& data_directory) {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  return {data_directory / "models", program.parent_path() / "share/sagittal/models", program / "../../../models"};
}

std::filesystem::path model_top(const std::filesystem::path& model, const std::filesystem::path& data_directory) {
  std::error_code failure;
  const auto whole = std::filesystem::weakly_canonical(model, failure);
  for (const auto& directory : model_directories(data_directory)) {
    const auto models = std::filesystem::weakly_canonical(directory, failure);
    const auto below = whole.lexically_relative(models);
    if (!below.empty() && *below.begin() != ".." && *below.begin() != ".") return models / *below.begin();
  }
  return model;
}

std::filesystem::path find_model(std::string_view name_or_path, const std::filesystem::path& data_directory) {
  const auto is_model = [](const std::filesystem::path& path) { return std::filesystem::exists(path / "plans.json"); };
  return look_up(name_or_path, data_directory, "a folder with a plans.json", is_model);
}

std::filesystem::path find_model_or_parent(std::string_view name_or_path, const std::filesystem::path& data_directory) {
  const auto has_models = [](const std::filesystem::path& path) { return !nn::find_model_folders(path).empty(); };
  return look_up(name_or_path, data_directory, "a folder with a plans.json or plans.pkl in it or one level below",
                 has_models);
}

}  // namespace sagittal
