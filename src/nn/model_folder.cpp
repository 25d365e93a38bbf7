#include "nn/model_folder.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/error.h"
#include "nn/licence.h"
#include "nn/pickle.h"
#include "nn/plans_v1.h"
#include "nn/torch_file.h"

namespace sagittal::nn {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxPickleBytes = std::size_t{64} << 20;
constexpr std::array kConfigurationsV1{"2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"};

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
    const bool fold = name.starts_with(prefix) || name == "all";
    if (!fold || !entry.is_directory() || checkpoint_name(entry.path()).empty()) continue;
    folds.push_back(name == "all" ? name : name.substr(prefix.size()));
  }
  std::sort(folds.begin(), folds.end());
  folds.erase(std::unique(folds.begin(), folds.end()), folds.end());
  return folds;
}

bool is_version_1(const fs::path& folder) { return !fs::is_regular_file(folder / "plans.json"); }

/// "…/3d_lowres/Task003_Liver/Trainer__Plans" -> "3d_lowres", or what ends the name of version 2; else empty.
std::string named_configuration(const fs::path& folder) {
  if (!is_version_1(folder)) return split_name(folder.filename().string()).configuration;
  return folder.parent_path().parent_path().filename().string();
}

/// Version 1 writes the trainer's name and arguments beside the weights; the sixth is the stage.
std::string configuration_of_checkpoint_v1(const fs::path& fold, const std::vector<std::string>& names) {
  const fs::path file = fold / (checkpoint_name(fold) + ".pkl");
  if (!fs::is_regular_file(file)) return {};
  const Bytes bytes = read_file(file, kMaxPickleBytes);
  const Pickle pickle(bytes, file.filename().string());
  const PickleValue *init = pickle.root().find("init"), *trainer = pickle.root().find("name");
  if (init == nullptr || init->items.size() < 6) return {};
  if (trainer != nullptr && trainer->text.find("Cascade") != std::string_view::npos) return "3d_cascade_fullres";
  const PickleValue& stage = *init->items[5];
  if (names.size() > 1 && stage.is(PickleValue::Kind::integer)) return stage.integer == 0 ? "3d_lowres" : "3d_fullres";
  return {};
}

/// The one folder that is meant.
fs::path choose(const fs::path& path, std::string_view configuration) {
  std::vector<fs::path> found = find_model_folders(path);
  if (found.empty()) {
    throw Error(ErrorCode::not_found,
                fmt::format("{}: no plans.json or plans.pkl in it or one level below; expected a folder that nnU-Net "
                            "or nnInteractive trained",
                            path.string()));
  }
  std::vector<std::string> names;
  for (const fs::path& folder : found) names.push_back(folder.lexically_relative(normal(path)).string());
  if (found.size() == 1) return found[0];
  std::erase_if(found, [&](const fs::path& folder) {
    return !configuration.empty() && named_configuration(folder) != configuration;
  });
  if (found.size() == 1) return found[0];
  throw Error(
      found.empty() ? ErrorCode::not_found : ErrorCode::wrong_usage,
      fmt::format("{}: expected one model{}, found {}; name its folder or choose a configuration", path.string(),
                  configuration.empty() ? "" : fmt::format(" of \"{}\"", configuration), fmt::join(names, ", ")));
}

/// Version 1 keeps labels' names elsewhere; a dataset.json laid beside its plans is read.
Dataset read_dataset(const fs::path& folder, const PlanFile& plan) {
  const fs::path file = folder / "dataset.json";
  if (plan.plans.generation == 1 && !fs::is_regular_file(file)) {
    return dataset_of_v1(plan.plans, plan.trainer, "plans.pkl");
  }
  Dataset out = parse_dataset(as_text(read_file(file, kMaxJsonBytes)), "dataset.json");
  if (plan.plans.generation == 1) out.reader_writer.clear();
  return out;
}

ModelFolder describe(const fs::path& folder, const fs::path& top, std::string_view configuration) {
  ModelFolder out;
  out.folder = folder;
  out.name = folder.filename().string();
  const bool prompts =
      fs::exists(folder / "inference_info.json") || fs::exists(folder / "inference_session_class.json");
  out.kind = prompts ? ModelKind::nninteractive : ModelKind::nnunet;
  const PlanFile plan = read_plan_file(folder);
  out.plans = plan.plans;
  out.trainer = plan.trainer;
  out.dataset = read_dataset(folder, plan);
  out.folds = folds_of(folder);
  out.configuration = out.plans.configuration(trained_configuration(folder, plan, configuration));
  if (!configuration.empty() && out.configuration.name != configuration) {
    throw Error(ErrorCode::not_found,
                fmt::format("its configuration is \"{}\", not \"{}\"", out.configuration.name, configuration));
  }
  out.licence = licence_of(folder, top, out.plans, out.configuration.name);
  return out;
}

}  // namespace

std::string_view name_of(ModelKind kind) { return kind == ModelKind::nnunet ? "nnU-Net" : "nnInteractive"; }

fs::path fold_folder(const fs::path& model, std::string_view fold) {
  const fs::path usual = model / fmt::format("fold_{}", fold);
  return fold == "all" && !fs::is_directory(usual) && fs::is_directory(model / "all") ? model / "all" : usual;
}

std::string checkpoint_name(const fs::path& fold_folder) {
  for (const char* name :
       {"checkpoint_final.pth", "checkpoint_best.pth", "model_final_checkpoint.model", "model_best.model"}) {
    if (fs::is_regular_file(fold_folder / name)) return name;
  }
  return {};
}

PlanFile read_plan_file(const fs::path& folder) {
  const fs::path path = normal(folder);
  const std::string name = path.filename().string();
  PlanFile out;
  out.trainer = name.find("__") == std::string::npos ? "" : name.substr(0, name.find("__"));
  if (is_version_1(path)) {
    const std::string task = path.parent_path().filename().string();
    out.plans = parse_plans_v1(read_file(path / "plans.pkl", kMaxPickleBytes), "plans.pkl", task);
    out.plans.plans_name = out.trainer.empty() ? "" : name.substr(name.find("__") + 2);
  } else {
    out.trainer = split_name(name).trainer;
    out.plans = parse_plans(as_text(read_file(path / "plans.json", kMaxJsonBytes)), "plans.json");
  }
  return out;
}

std::string trained_configuration(const fs::path& folder, const PlanFile& plan, std::string_view asked) {
  const std::vector<std::string> names = plan.plans.configuration_names();
  const auto known = [&](std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); };
  if (const std::string named = named_configuration(normal(folder)); known(named)) return named;
  if (!asked.empty()) return std::string(asked);
  if (names.size() == 1) return names[0];
  const std::vector<std::string> folds = folds_of(folder);
  const fs::path fold = folds.empty() ? fs::path() : fold_folder(folder, folds[0]);
  std::string told;
  if (!folds.empty()) {
    told = plan.plans.generation == 1 ? configuration_of_checkpoint_v1(fold, names)
                                      : read_torch_file(fold / checkpoint_name(fold)).configuration;
  }
  if (!told.empty()) return told;
  throw Error(ErrorCode::wrong_usage,
              fmt::format("neither the folder's name nor a checkpoint says which configuration it is of {}; choose a "
                          "configuration",
                          fmt::join(names, ", ")));
}

std::vector<fs::path> find_model_folders(const fs::path& path) {
  const auto is_model = [](const fs::path& folder) {
    return fs::is_regular_file(folder / "plans.json") || fs::is_regular_file(folder / "plans.pkl");
  };
  if (is_model(path)) return {normal(path)};
  std::vector<fs::path> found;
  if (!fs::is_directory(path)) return found;
  const auto look_below = [&](const fs::path& parent) {
    for (const auto& entry : fs::directory_iterator(parent)) {
      if (entry.is_directory() && is_model(entry.path())) found.push_back(normal(entry.path()));
    }
  };
  try {
    look_below(path);
    for (const char* configuration : kConfigurationsV1) {
      if (!fs::is_directory(path / configuration)) continue;
      for (const auto& task : fs::directory_iterator(path / configuration)) {
        if (task.is_directory()) look_below(task.path());
      }
    }
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, error.what());
  }
  std::sort(found.begin(), found.end());
  return found;
}

ModelFolder describe_model_folder(const fs::path& path, std::string_view configuration, const fs::path& top) {
  const fs::path folder = choose(path, configuration);
  try {
    return describe(folder, top.empty() ? path : top, configuration);
  } catch (Error& error) {
    throw error.within(fmt::format("model {}", folder.string()));
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, fmt::format("model {}: {}", folder.string(), error.what()));
  }
}

}  // namespace sagittal::nn
