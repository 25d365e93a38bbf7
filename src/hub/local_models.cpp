#include "hub/local_models.h"

#include <algorithm>
#include <array>
#include <exception>
#include <map>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/card_parts.h"
#include "hub/loose.h"
#include "hub/plain_text.h"
#include "hub/structures.h"
#include "nn/model_folder.h"

namespace sagittal::hub {
namespace {

/// Channels are named by hand: "CT", "T2", "MRI"; only words that are modalities count.
CardInput input_of(const nn::Dataset& dataset) {
  constexpr std::array<std::string_view, 6> known{"CT", "MR", "PT", "US", "CR", "DX"};
  CardInput input;
  input.format = "image";
  for (const std::string& channel : dataset.channel_names) {
    const std::string name = plain_line(channel, 64);
    input.label += (input.label.empty() ? "" : ", ") + name;
    for (const std::string& modality : parse_modalities(name)) {
      const bool is_one = std::find(known.begin(), known.end(), modality) != known.end();
      const bool is_new =
          std::find(input.modalities.begin(), input.modalities.end(), modality) == input.modalities.end();
      if (is_one && is_new) input.modalities.push_back(modality);
    }
  }
  return input;
}

CardOutput output_of(const nn::Dataset& dataset) {
  CardOutput output{.type = "segmentation"};
  for (const nn::DatasetLabel& label : dataset.labels) {
    Structure structure = structure_of(plain_line(label.name, 120));
    if (!structure.codes) structure.id = structure.name;
    if (label.values.size() == 1) structure.label = label.values.front();
    output.structures.push_back(std::move(structure));
  }
  return output;
}

void describe(const nn::ModelFolder& model, ModelCard& card) {
  card.interactive = model.kind == nn::ModelKind::nninteractive;
  card.engine = card.interactive          ? ModelEngine::nninteractive
                : model.generation() == 1 ? ModelEngine::nnunet_v1
                                          : ModelEngine::nnunet_v2;
  card.type = plain_line(model.plans.dataset_name, Loose::kLine);
  card.architecture = plain_line(model.configuration.name, Loose::kLine);
  card.inputs.push_back(input_of(model.dataset));
  if (!card.interactive) card.outputs.push_back(output_of(model.dataset));
  if (!model.licence.starts_with("!!")) card.weights_licence = parse_licence(plain_line(model.licence, Loose::kLine));
  card.code_licence = parse_licence("Apache-2.0");
  if (model.folds.empty()) add_warning(card.warnings, "no fold with a checkpoint is in the folder");
}

bool is_model(const std::filesystem::path& folder) {
  try {
    return !nn::find_model_folders(folder).empty();
  } catch (const std::exception&) {
    return false;  // a folder that cannot be listed
  }
}

}  // namespace

std::vector<std::filesystem::path> find_local_models(const std::vector<std::filesystem::path>& places) {
  std::map<std::string, std::filesystem::path> found;
  for (const auto& place : places) {
    std::error_code failure;
    for (std::filesystem::directory_iterator at(place, failure), end; !failure && at != end; at.increment(failure)) {
      const std::string name = at->path().filename().string();
      const bool can_be_shown = !name.starts_with('.') && name == plain_line(name, 200);
      if (can_be_shown && is_model(at->path())) found.emplace(name, at->path());
    }
  }
  std::vector<std::filesystem::path> folders;
  for (const auto& [name, path] : found) folders.push_back(path);
  return folders;
}

ModelCard read_local_card(const std::filesystem::path& folder, const std::filesystem::path& top) {
  ModelCard card;
  card.name = folder.filename().string();
  card.title = card.name;
  card.source = Source::local;
  card.folder = plain_line(folder.lexically_normal().string(), 4096);
  try {
    describe(nn::describe_model_folder(nn::find_model_folders(folder).at(0), {}, top.empty() ? folder : top), card);
  } catch (const Error& error) {
    add_warning(card.warnings, error.what());
  }
  return card;
}

}  // namespace sagittal::hub
