#include "hub/card_json.h"

#include <algorithm>

#include "hub/structures.h"

namespace sagittal::hub {
namespace {

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

Json code_json(const std::optional<Code>& code) {
  if (!code) return nullptr;
  return {{"value", code->value}, {"scheme", code->scheme}, {"meaning", code->meaning}};
}

/// "LIVER" once, though several outputs have it.
Json distinct_structures(const ModelCard& card) {
  Json out = Json::array();
  std::vector<std::string> seen;
  for (const CardOutput& output : card.outputs) {
    for (const Structure& s : output.structures) {
      if (std::find(seen.begin(), seen.end(), s.id) != seen.end()) continue;
      seen.push_back(s.id);
      out.push_back({{"id", s.id}, {"name", s.name}, {"colour", colour_text(s.colour)}});
    }
  }
  return out;
}

Json structure_json(const Structure& s) {
  const auto code = [&](const auto& part) { return s.codes ? code_json(part(*s.codes)) : Json(); };
  using Part = std::optional<Code>;
  return {{"id", s.id},
          {"name", s.name},
          {"colour", colour_text(s.colour)},
          {"label", or_null(s.label)},
          {"category", code([](const Terminology& t) { return Part(t.category); })},
          {"type", code([](const Terminology& t) { return Part(t.type); })},
          {"modifier", code([](const Terminology& t) { return t.modifier; })},
          {"region", code([](const Terminology& t) { return t.region; })},
          {"region_modifier", code([](const Terminology& t) { return t.region_modifier; })}};
}

const char* kind_of(const ModelCard& card) {
  if (card.interactive) return "interactive";
  const auto has = [&](bool segmentation) {
    return std::any_of(card.outputs.begin(), card.outputs.end(),
                       [&](const CardOutput& output) { return (output.type == "segmentation") == segmentation; });
  };
  if (has(true)) return has(false) ? "both" : "segmentation";
  return has(false) ? "prediction" : "unknown";
}

template <class T, class Make>
Json list_of(const std::vector<T>& items, Make&& make) {
  Json out = Json::array();
  for (const T& item : items) out.push_back(make(item));
  return out;
}

Json links_json(const std::vector<Link>& links, const char* title) {
  return list_of(links, [&](const Link& link) { return Json{{title, link.title}, {"uri", or_null(link.uri)}}; });
}

Json input_json(const CardInput& input) {
  return {{"label", input.label},
          {"description", input.description},
          {"format", input.format},
          {"modalities", input.modalities},
          {"body_part", or_null(input.body_part)},
          {"slice_thickness", or_null(input.slice_thickness)},
          {"contrast", or_null(input.contrast)},
          {"non_contrast", or_null(input.non_contrast)}};
}

Json output_json(const CardOutput& output) {
  return {{"type", output.type},
          {"label", output.label},
          {"description", output.description},
          {"value_type", or_null(output.value_type)},
          {"structures", list_of(output.structures, structure_json)}};
}

Json section_json(const Section& section) {
  const auto table = [](const Section::Table& rows) {
    const auto pair = [](const auto& entry) { return Json::array({entry.first, entry.second}); };
    return Json{{"label", rows.label}, {"entries", list_of(rows.entries, pair)}};
  };
  return {{"key", section.key},
          {"title", section.title},
          {"text", section.text},
          {"tables", list_of(section.tables, table)},
          {"references", links_json(section.references, "label")}};
}

Json workflow_json(const Workflow& workflow) {
  return {{"name", workflow.name},      {"description", workflow.description}, {"steps", workflow.steps},
          {"inputs", workflow.inputs},  {"layout", workflow.layout},           {"structures", workflow.structures},
          {"outputs", workflow.outputs}};
}

Json image_json(const std::optional<Image>& image) {
  if (!image) return nullptr;
  return {{"name", image->name}, {"tag", image->tag}, {"digest", or_null(image->digest)}};
}

Json licence_json(const ModelCard& card) {
  return {{"code", or_null(card.code_licence.id)},
          {"weights", or_null(card.weights_licence.id)},
          {"commercial_use", or_null(commercial_use(card))}};
}

}  // namespace

Json entry_json(const ModelCard& card) {
  return {{"name", card.name},
          {"source", name_of(card.source)},
          {"title", card.title},
          {"version", or_null(card.version)},
          {"summary", card.summary},
          {"kind", kind_of(card)},
          {"engine", name_of(card.engine)},
          {"modalities", card.modalities()},
          {"body_parts", card.body_parts()},
          {"inputs", card.inputs.size()},
          {"structures", distinct_structures(card)},
          {"licence", licence_json(card)}};
}

Json card_json(const ModelCard& card) {
  Json out = entry_json(card);
  out["licence"]["code_text"] = or_null(card.code_licence.text);
  out["licence"]["weights_text"] = or_null(card.weights_licence.text);
  out.update({{"authors", card.authors},
              {"team", or_null(card.team)},
              {"citation", or_null(card.citation)},
              {"type", or_null(card.type)},
              {"publications", links_json(card.publications, "title")},
              {"links",
               {{"page", or_null(card.page)},
                {"code", or_null(card.code)},
                {"weights", or_null(card.weights)},
                {"notebook", or_null(card.notebook)}}},
              {"dates",
               {{"code", or_null(card.code_date)},
                {"weights", or_null(card.weights_date)},
                {"published", or_null(card.publication_date)}}},
              {"inputs", list_of(card.inputs, input_json)},
              {"outputs", list_of(card.outputs, output_json)},
              {"network",
               {{"architecture", or_null(card.architecture)},
                {"training", or_null(card.training)},
                {"approach", or_null(card.approach)}}},
              {"training_volumes", or_null(card.training_volumes)},
              {"evaluation_volumes", or_null(card.evaluation_volumes)},
              {"sections", list_of(card.sections, section_json)},
              {"figures", links_json(card.figures, "title")},
              {"image", image_json(card.image)},
              {"workflows", list_of(card.workflows, workflow_json)},
              {"test_data", or_null(card.test_data)},
              {"folder", or_null(card.folder)},
              {"warnings", card.warnings}});
  return out;
}

}  // namespace sagittal::hub
