#include "hub/card_reader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/card_parts.h"
#include "hub/loose.h"
#include "hub/plain_text.h"
#include "hub/toml.h"
#include "hub/workflow.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostWorkflows = 50;

void read_summary(const Loose& summary, ModelCard& card) {
  card.summary = summary.text("description");
  for (const Loose& input : summary.objects("inputs", 20)) card.inputs.push_back(read_input(input));
  for (const Loose& output : summary.objects("outputs", 50)) card.outputs.push_back(read_output(output));
  const Loose model = summary.object("model");
  card.architecture = model.line("architecture");
  card.training = model.line("training");
  card.approach = model.line("cmpapproach");
  const Loose data = summary.object("data");
  card.training_volumes = data.object("training").count("vol_samples");
  card.evaluation_volumes = data.object("evaluation").count("vol_samples");
}

void read_details(const Loose& details, ModelCard& card) {
  if (card.title.empty()) card.title = details.line("name");
  card.version = details.line("version", 64);
  card.team = details.line("devteam");
  card.authors = details.lines("authors");
  card.type = details.line("type");
  card.citation = details.text("cite");
  const Loose date = details.object("date");
  card.code_date = date.line("code", 64);
  card.weights_date = date.line("weights", 64);
  card.publication_date = date.line("pub", 64);
  const Loose licence = details.object("license");
  card.code_licence = parse_licence(licence.line("code"));
  card.weights_licence = parse_licence(licence.line("weights"));
  card.publications = read_links(details, "publications", "title");
  card.code = details.uri("github");
  card.weights = details.uri("zenodo");
  card.notebook = details.uri("colab");
}

/// The order in which people read them; others follow.
constexpr std::array<const char*, 6> kSections{"use", "limitations", "ethics", "analyses", "evaluation", "training"};

void read_sections(const Loose& top, ModelCard& card) {
  const Loose info = top.object("info");
  const auto add = [&](const std::string& key) {
    constexpr std::size_t most = 20;
    if (info.has(key.c_str()) && card.sections.size() < most) card.sections.push_back(read_section(info, key));
  };
  for (const char* key : kSections) add(key);
  for (const auto& item : info.json().items()) {
    if (std::find(kSections.begin(), kSections.end(), item.key()) == kSections.end()) add(item.key());
  }
  card.figures = read_links(top, "figures", "title");
}

void read_workflows(const CardFiles& files, ModelCard& card) {
  OwnSegments default_segments;
  for (const auto& [path, text] : files.files) {
    if (!path.starts_with("config/") || !path.ends_with(".yml")) continue;
    std::string name = path.substr(7, path.size() - 11);
    if (name == "config") name = "default";  // its older name
    try {
      auto file = read_workflow(name, text, card.warnings);
      if (!file) continue;
      const bool is_default = name == "default";
      if (is_default) default_segments = std::move(file->own_segments);
      card.workflows.insert(is_default ? card.workflows.begin() : card.workflows.end(), std::move(file->workflow));
    } catch (const Error& error) {
      add_warning(card.warnings, error.what());
    }
    if (card.workflows.size() == kMostWorkflows) break;
  }
  card.engine = engine_of(card.workflows);
  complete_structures(default_segments, card.outputs);
  if (!card.workflows.empty() && card.workflows.front().name == "default") {
    apply_labels(card.workflows.front(), default_segments, card.outputs);
  }
  warn_of_unknown(card);
}

void read_deployment(const std::string& toml, ModelCard& card) {
  try {
    const Json parsed = parse_toml(toml, "mhub.toml");
    const Loose file(parsed, "mhub.toml:", card.warnings);
    card.test_data = file.object("model").object("deployment").uri("test");
  } catch (const Error& error) {
    add_warning(card.warnings, error.what());
  }
}

}  // namespace

bool CardFiles::wants(std::string_view path) {
  if (path == "meta.json" || path == "mhub.toml") return true;
  constexpr std::string_view folder = "config/";
  if (!path.starts_with(folder) || !path.ends_with(".yml")) return false;
  const std::string_view name = path.substr(folder.size(), path.size() - folder.size() - 4);
  return is_model_name(lower_case(name));
}

ModelCard read_card(const CardFiles& files) {
  if (!is_model_name(files.name)) {
    throw Error(ErrorCode::bad_input, fmt::format("'{}' cannot be a model's name", plain_line(files.name, 80)));
  }
  const auto meta = files.files.find("meta.json");
  if (meta == files.files.end()) throw Error(ErrorCode::not_found, "it has no meta.json");
  const Json parsed = parse_json(meta->second, "meta.json");
  if (!parsed.is_object()) throw Error(ErrorCode::bad_input, "meta.json is no JSON object");
  ModelCard card;
  card.name = files.name;
  const Loose top(parsed, "meta.json:", card.warnings);
  if (const std::string name = top.line("name"); !name.empty() && name != card.name) {
    top.warn(fmt::format("meta.json calls it '{}', its folder '{}'", name, card.name));
  }
  card.title = top.line("title");
  read_summary(top.object("summary"), card);
  read_details(top.object("details"), card);
  if (card.title.empty()) card.title = card.name;
  read_sections(top, card);
  read_workflows(files, card);
  if (const auto toml = files.files.find("mhub.toml"); toml != files.files.end()) read_deployment(toml->second, card);
  card.page = "https://mhub.ai/models/" + card.name;
  card.image = Image{"mhubai/" + card.name, "latest", ""};
  return card;
}

}  // namespace sagittal::hub
