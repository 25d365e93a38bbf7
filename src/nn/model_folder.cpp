#include "nn/model_folder.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/error.h"
#include "nn/licence.h"
#include "nn/torch_file.h"

namespace sagittal::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 20;

/// "Trainer__Plans__configuration"; three empty texts for other names.
struct NameParts {
  std::string trainer, plans, configuration;
};
NameParts split_name(const std::string& name) {
  const auto first = name.find("__"), last = name.rfind("__");
  if (first == std::string::npos || first == last) return {};
  return {name.substr(0, first), name.substr(first + 2, last - first - 2), name.substr(last + 2)};
}

fs::path normal(const fs::path& path) {
  const fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

std::vector<std::string> folds_of(const fs::path& folder) {
  constexpr std::string_view prefix = "fold_";
  std::vector<std::string> folds;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.starts_with(prefix) && !checkpoint_name(entry.path()).empty()) {
      folds.push_back(name.substr(prefix.size()));
    }
  }
  std::sort(folds.begin(), folds.end());
  return folds;
}

/// Which configuration of the plan was trained.
std::string configuration_of(const ModelFolder& model, std::string_view asked) {
  const std::vector<std::string> names = model.plans.configuration_names();
  const auto known = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (const std::string named = split_name(model.name).configuration; known(named)) return named;
  if (!asked.empty()) return std::string(asked);
  if (names.size() == 1) return names[0];
  if (model.folds.empty()) {
    throw Error(ErrorCode::wrong_usage,
                fmt::format("neither the folder's name nor a checkpoint says which configuration it is of {}; choose a "
                            "configuration",
                            fmt::join(names, ", ")));
  }
  const fs::path fold = model.folder / ("fold_" + model.folds[0]);
  return read_torch_file(fold / checkpoint_name(fold)).configuration;
}

/// The one folder that is meant.
fs::path choose(const fs::path& path, std::string_view configuration) {
  std::vector<fs::path> found = find_model_folders(path);
  if (found.empty()) {
    throw Error(ErrorCode::not_found,
                fmt::format("{}: no plans.json in it or one level below; expected a folder that nnU-Net or "
                            "nnInteractive trained",
                            path.string()));
  }
  std::vector<std::string> names;
  for (const fs::path& folder : found) names.push_back(folder.filename().string());
  if (found.size() == 1) return found[0];
  std::erase_if(found, [&](const fs::path& folder) {
    return !configuration.empty() && split_name(folder.filename().string()).configuration != configuration;
  });
  if (found.size() == 1) return found[0];
  throw Error(
      found.empty() ? ErrorCode::not_found : ErrorCode::wrong_usage,
      fmt::format("{}: expected one model{}, found {}; name its folder or choose a configuration", path.string(),
                  configuration.empty() ? "" : fmt::format(" of \"{}\"", configuration), fmt::join(names, ", ")));
}

ModelFolder describe(const fs::path& folder, std::string_view configuration) {
  ModelFolder out;
  out.folder = folder;
  out.name = folder.filename().string();
  const bool prompts =
      fs::exists(folder / "inference_info.json") || fs::exists(folder / "inference_session_class.json");
  out.kind = prompts ? ModelKind::nninteractive : ModelKind::nnunet;
  out.trainer = split_name(out.name).trainer;
  out.plans = parse_plans(as_text(read_file(folder / "plans.json", kMaxJsonBytes)), "plans.json");
  out.dataset = parse_dataset(as_text(read_file(folder / "dataset.json", kMaxJsonBytes)), "dataset.json");
  out.folds = folds_of(folder);
  out.configuration = out.plans.configuration(configuration_of(out, configuration));
  if (!configuration.empty() && out.configuration.name != configuration) {
    throw Error(ErrorCode::not_found,
                fmt::format("its configuration is \"{}\", not \"{}\"", out.configuration.name, configuration));
  }
  out.licence = licence_of(folder, out.plans, out.configuration.name);
  return out;
}

}  // namespace

std::string_view name_of(ModelKind kind) { return kind == ModelKind::nnunet ? "nnU-Net" : "nnInteractive"; }

std::string checkpoint_name(const fs::path& fold_folder) {
  for (const char* name : {"checkpoint_final.pth", "checkpoint_best.pth"}) {
    if (fs::is_regular_file(fold_folder / name)) return name;
  }
  return {};
}

std::vector<fs::path> find_model_folders(const fs::path& path) {
  const auto is_model = [](const fs::path& folder) { return fs::is_regular_file(folder / "plans.json"); };
  if (is_model(path)) return {normal(path)};
  std::vector<fs::path> found;
  if (!fs::is_directory(path)) return found;
  try {
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.is_directory() && is_model(entry.path())) found.push_back(normal(entry.path()));
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, error.what());
  }
  std::sort(found.begin(), found.end());
  return found;
}

ModelFolder describe_model_folder(const fs::path& path, std::string_view configuration) {
  const fs::path folder = choose(path, configuration);
  try {
    return describe(folder, configuration);
  } catch (Error& error) {
    throw error.within(fmt::format("model {}", folder.string()));
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, fmt::format("model {}: {}", folder.string(), error.what()));
  }
}

}  // namespace sagittal::nn
