#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/card_parts.h"
#include "hub/card_reader.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostModels = 5000;

CardOutput segmentation_of(const std::vector<std::string>& ids) {
  CardOutput out{.type = "segmentation"};
  for (const std::string& id : ids) {
    if (!is_background(id)) out.structures.push_back(structure_of(id));
  }
  return out;
}

/// A prediction is its name, or an object with one.
std::vector<CardOutput> predictions_of(const Loose& model) {
  std::vector<CardOutput> out;
  const Json* list = model.has("predictions") ? &model.json().at("predictions") : nullptr;
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& one : *list) {
    constexpr std::size_t most = 50;
    if (out.size() == most) break;
    CardOutput output{.type = "prediction"};
    if (one.is_string()) output.label = plain_line(one.get<std::string>(), Loose::kLine);
    if (one.is_object()) {
      std::vector<std::string> unused;
      const Loose fields(one, "", unused);
      output.label = fields.line(fields.has("label") ? "label" : "name");
      output.description = fields.text("description");
    }
    out.push_back(std::move(output));
  }
  return out;
}

void read_outputs(const Loose& model, ModelCard& card) {
  const auto ids = model.lines("segmentations", 2000);
  auto predictions = predictions_of(model);
  const auto categories = model.lines("categories", 20);
  const auto is_of = [&](std::string_view category) {
    return std::any_of(categories.begin(), categories.end(), [&](const auto& c) { return lower_case(c) == category; });
  };
  if (!ids.empty() || is_of("segmentation")) card.outputs.push_back(segmentation_of(ids));
  if (predictions.empty() && is_of("prediction")) predictions.push_back({.type = "prediction"});
  card.outputs.insert(card.outputs.end(), predictions.begin(), predictions.end());
}

void read_inputs(const Loose& model, ModelCard& card) {
  for (const Loose& input : model.objects("inputs", 20)) card.inputs.push_back(read_input(input));
  std::vector<std::string> modalities;
  for (const std::string& text : model.lines("modalities", 20)) {
    for (std::string& one : parse_modalities(text)) modalities.push_back(std::move(one));
  }
  if (card.inputs.empty() && !modalities.empty()) card.inputs.emplace_back();
  const bool unsaid =
      std::all_of(card.inputs.begin(), card.inputs.end(), [](const auto& i) { return i.modalities.empty(); });
  if (!card.inputs.empty() && unsaid) card.inputs.front().modalities = std::move(modalities);
}

ModelCard read_model(const Json& json, std::size_t number) {
  ModelCard card;
  const Loose model(json, fmt::format("model {}", number), card.warnings);
  card.name = model.line("name", 100);
  if (!is_model_name(card.name)) {
    throw Error(ErrorCode::bad_input, fmt::format("model {}: '{}' cannot be a model's name", number, card.name));
  }
  card.title = model.line(model.has("label") ? "label" : "title");
  if (card.title.empty()) card.title = card.name;
  card.summary = model.text("description");
  card.citation = model.text("cite");
  const Loose licence = model.object(model.has("licence") ? "licence" : "license");
  card.code_licence = parse_licence(licence.line(licence.has("model") ? "model" : "code"));
  card.weights_licence = parse_licence(licence.line("weights"));
  read_inputs(model, card);
  read_outputs(model, card);
  warn_of_unknown(card);
  card.page = "https://mhub.ai/models/" + card.name;
  card.image = Image{"mhubai/" + card.name, "latest", ""};
  return card;
}

}  // namespace

std::vector<ModelCard> read_web_api(std::string_view json, std::vector<std::string>& problems) {
  const Json parsed = parse_json(json, "the list of models");
  const Json& list = parsed.is_object() && parsed.contains("data") ? parsed.at("data") : parsed;
  if (!list.is_array()) {
    throw Error(ErrorCode::bad_input, "the list of models: expected {\"data\":[…]}, as MHub's web API answers");
  }
  std::vector<ModelCard> cards;
  for (std::size_t n = 0; n < list.size() && cards.size() < kMostModels; ++n) {
    try {
      cards.push_back(read_model(list[n], n));
    } catch (const Error& error) {
      add_warning(problems, error.what());
    }
  }
  return cards;
}

}  // namespace sagittal::hub
