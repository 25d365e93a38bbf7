#include "composed_task.h"

#include <optional>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/weights.h"
#include "model_lookup.h"

namespace sagittal::commands {
namespace {

constexpr std::string_view kPrefix = "totalsegmentator_";

hub::KnownWeights weights_of(const segment::Composition& task) {
  return hub::find_weights(fmt::format("{}{}", kPrefix, task.task));
}

const segment::Composition& crop_task_of(const segment::Composition& task) {
  const segment::Composition* crop = segment::find_composition(task.crop_task);
  if (crop == nullptr) throw Error(ErrorCode::internal, fmt::format("no task \"{}\" to crop by", task.crop_task));
  return *crop;
}

std::vector<std::string> folds_of(const segment::Composition& task) {
  return task.all_folds ? std::vector<std::string>() : std::vector<std::string>{"0"};
}

}  // namespace

const segment::Composition* composed_task(std::string_view name) {
  return name.starts_with(kPrefix) ? segment::find_composition(name.substr(kPrefix.size())) : nullptr;
}

void check_parts(const segment::Composition& task, const ComposeOptions& options) {
  const hub::KnownWeights weights = weights_of(task);
  for (const auto& part : weights.archives) {
    try {
      find_model_or_parent(part.folder, options.data_directory);
    } catch (Error& error) {
      throw error.within(fmt::format("`sagittal model fetch {}` brings it", weights.name));
    }
  }
  if (!task.crop.empty()) check_parts(crop_task_of(task), options);
}

segment::Composed run_composed(const segment::Composition& task, const Volume& image, const ComposeOptions& options,
                               ThreadPool& pool) {
  std::optional<segment::Composed> rough;
  if (!task.crop.empty()) rough = run_composed(crop_task_of(task), image, options, pool);
  const hub::KnownWeights weights = weights_of(task);
  segment::CompositionParts parts;
  parts.count = weights.archives.size();
  parts.load = [&](std::size_t part) {
    segment::LoadOptions load = options.load;
    load.folds = folds_of(task);
    const auto model =
        segment::load_model(find_model_or_parent(weights.archives.at(part).folder, options.data_directory), load);
    if (options.loaded) options.loaded(*model);
    return model;
  };
  return predict_composed(task, parts, image, rough ? &*rough : nullptr, options.control, pool);
}

}  // namespace sagittal::commands
