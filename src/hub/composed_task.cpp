#include "hub/composed_task.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/card_parts.h"
#include "hub/loose.h"
#include "hub/plain_text.h"
#include "hub/structures.h"
#include "hub/weights.h"

namespace sagittal::hub {
namespace {

constexpr std::string_view kPrefix = "totalsegmentator_";
constexpr std::string_view kVersion = "2.18";  // of the program whose composition it is

KnownWeights weights_of(const segment::Composition& task) { return find_weights(name_of_task(task)); }

const segment::Composition& known_task(std::string_view name) {
  const segment::Composition* task = segment::find_composition(name);
  if (task == nullptr) throw Error(ErrorCode::internal, fmt::format("no task \"{}\" to help another", name));
  return *task;
}

std::vector<std::string> folds_of(const segment::Composition& task) {
  return task.all_folds ? std::vector<std::string>() : std::vector<std::string>{"0"};
}

/// Tasks that have to run beside it.
std::vector<const segment::Composition*> helpers_of(const segment::Composition& task,
                                                    const segment::CompositionOptions& asked) {
  std::vector<const segment::Composition*> out;
  const std::string_view crop = segment::crop_of(task, asked).task;
  if (!crop.empty()) out.push_back(&known_task(crop));
  if (!task.bodies_task.empty()) out.push_back(&known_task(task.bodies_task));
  return out;
}

/// What helps a task is run whole.
ComposeOptions for_helper(const ComposeOptions& options) {
  ComposeOptions out = options;
  out.asked = {};
  return out;
}

/// The names of a task's labels, as its own model says them where the task does not.
std::vector<std::string> labels_of(const segment::Composition& task, const std::filesystem::path& model) {
  std::vector<std::string> names;
  if (!task.labels.empty()) {
    for (const std::string_view name : split(task.labels, ' ')) names.emplace_back(name);
    return names;
  }
  const nn::ModelFolder folder = nn::describe_model_folder(nn::find_model_folders(model).at(0), {}, model);
  for (const int label : folder.dataset.foreground()) {
    if (task.auxiliary_from > 0 && label >= task.auxiliary_from) break;
    names.push_back(folder.dataset.name_of(label));
  }
  return names;
}

CardInput input_of(const KnownWeights& weights) {
  CardInput input;
  input.modalities.emplace_back(weights.title.find(" MR") != std::string::npos ? "MR" : "CT");
  input.label = input.modalities[0];
  input.format = "image";
  return input;
}

CardOutput output_of(const std::vector<std::string>& labels) {
  CardOutput output{.type = "segmentation"};
  int number = 0;
  for (const std::string& label : labels) {
    Structure structure = structure_of(plain_line(label, 120));
    if (!structure.codes) structure.id = structure.name;
    structure.label = ++number;
    output.structures.push_back(std::move(structure));
  }
  return output;
}

std::string architecture_of(const segment::Composition& task, std::size_t parts) {
  const Vec3& mm = task.spacing_mm;
  const std::string spacing = mm[0] <= 0 ? "the scan's own spacing"
                              : mm[0] == mm[1] && mm[1] == mm[2]
                                  ? fmt::format("{:g} mm", mm[0])
                                  : fmt::format("{:.3g} x {:.3g} x {:.3g} mm", mm[0], mm[1], mm[2]);
  return parts == 1 ? fmt::format("one model of nnU-Net, {}", spacing)
                    : fmt::format("{} models of nnU-Net, one after the other, {}", parts, spacing);
}

bool is_there(const std::string& model, const FindModel& find_model) {
  try {
    find_model(model);
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

const segment::Composition* composed_task(std::string_view name) {
  return name.starts_with(kPrefix) ? segment::find_composition(name.substr(kPrefix.size())) : nullptr;
}

std::string name_of_task(const segment::Composition& task) { return fmt::format("{}{}", kPrefix, task.task); }

void check_parts(const segment::Composition& task, const ComposeOptions& options) {
  const KnownWeights weights = weights_of(task);
  for (const std::size_t part : segment::parts_of(task, weights.archives.size(), options.asked)) {
    try {
      options.find_model(weights.archives[part].folder);
    } catch (Error& error) {
      throw error.within(fmt::format("`sagittal model fetch {}` brings it", weights.name));
    }
  }
  for (const auto* helper : helpers_of(task, options.asked)) check_parts(*helper, for_helper(options));
}

segment::Composed run_composed(const segment::Composition& task, const Volume& image, const ComposeOptions& options,
                               ThreadPool& pool) {
  const auto helped_by = [&](std::string_view name) -> std::optional<segment::Composed> {
    if (name.empty()) return std::nullopt;
    return run_composed(known_task(name), image, for_helper(options), pool);
  };
  const auto rough = helped_by(segment::crop_of(task, options.asked).task);
  const auto bodies = helped_by(task.bodies_task);
  const KnownWeights weights = weights_of(task);
  segment::CompositionParts parts;
  parts.count = weights.archives.size();
  parts.load = [&](std::size_t part) {
    segment::LoadOptions load = options.load;
    load.folds = folds_of(task);
    const auto model = segment::load_model(options.find_model(weights.archives.at(part).folder), load);
    if (options.loaded) options.loaded(*model);
    return model;
  };
  return predict_composed(task, parts, options.asked, image, {rough ? &*rough : nullptr, bodies ? &*bodies : nullptr},
                          options.control, pool);
}

std::optional<ModelCard> composed_card(const segment::Composition& task, const FindModel& find_model) {
  const KnownWeights weights = weights_of(task);
  for (const auto& part : weights.archives) {
    if (!is_there(part.folder, find_model)) return std::nullopt;
  }
  ModelCard card;
  card.name = weights.name;
  card.title = weights.title;
  card.version = kVersion;
  card.source = Source::local;
  card.engine = ModelEngine::totalsegmentator;
  card.architecture = architecture_of(task, weights.archives.size());
  card.weights_licence = parse_licence(weights.licence);
  card.code_licence = parse_licence("Apache-2.0");
  card.inputs.push_back(input_of(weights));
  try {
    const auto first = find_model(weights.archives[0].folder);
    card.folder = plain_line(first.lexically_normal().string(), 4096);
    card.outputs.push_back(output_of(labels_of(task, first)));
  } catch (const Error& error) {
    add_warning(card.warnings, error.what());
  }
  for (const auto* helper : helpers_of(task, {})) {
    if (composed_card(*helper, find_model)) continue;
    add_warning(card.warnings, fmt::format("it also needs the weights of {}: `sagittal model fetch {}`",
                                           name_of_task(*helper), name_of_task(*helper)));
  }
  return card;
}

std::vector<ModelCard> composed_cards(const std::vector<std::filesystem::path>& models) {
  const FindModel find = [&](const std::string& name) {
    const auto found =
        std::find_if(models.begin(), models.end(), [&](const auto& folder) { return folder.filename() == name; });
    if (found == models.end()) throw Error(ErrorCode::not_found, fmt::format("no model '{}'", name));
    return *found;
  };
  std::vector<ModelCard> cards;
  for (const KnownWeights& weights : known_weights()) {
    const segment::Composition* task = composed_task(weights.name);
    if (task == nullptr) continue;
    if (auto card = composed_card(*task, find)) cards.push_back(*std::move(card));
  }
  std::sort(cards.begin(), cards.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return cards;
}

}  // namespace sagittal::hub
