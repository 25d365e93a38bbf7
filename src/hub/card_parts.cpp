#include "hub/card_parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostStructures = 2000;

std::string dicom_modality(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  if (word == "MRI") return "MR";
  if (word == "PET") return "PT";
  if (word == "XRAY") return "DX";
  return word;
}

/// "n/a" is how some say nothing.
std::string said(std::string text) { return lower_case(text) == "n/a" ? std::string() : text; }

}  // namespace

std::vector<std::string> parse_modalities(std::string_view text) {
  std::vector<std::string> out;
  constexpr std::size_t longest = 16;  // of DICOM's code strings
  const auto in_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (const std::string_view word : words_in(text, in_word)) {
    if (word.size() > longest) continue;
    std::string modality = dicom_modality(std::string(word));
    if (std::find(out.begin(), out.end(), modality) == out.end()) out.push_back(std::move(modality));
  }
  return out;
}

CardInput read_input(const Loose& input) {
  CardInput out;
  out.label = input.line("label");
  out.description = input.text("description");
  out.format = input.line("format", 64);
  for (const std::string& text : input.lines("modality", 20)) {
    for (std::string& modality : parse_modalities(text)) out.modalities.push_back(std::move(modality));
  }
  out.body_part = said(input.line("bodypartexamined", 100));
  out.slice_thickness = said(input.line("slicethickness", 100));
  out.contrast = input.flag("contrast");
  out.non_contrast = input.flag("non-contrast");
  return out;
}

CardOutput read_output(const Loose& output) {
  CardOutput out;
  out.type = lower_case(output.line("type", 64));
  if (out.type != "segmentation" && out.type != "classification" && out.type != "prediction") {
    if (!out.type.empty()) output.warn(fmt::format("an output of type '{}' is taken for a prediction", out.type));
    out.type = "prediction";
  }
  out.label = output.line("label");
  out.description = output.text("description");
  out.value_type = output.line("valueType", 100);
  for (const std::string& id : output.lines("classes", kMostStructures)) {
    if (!is_background(id)) out.structures.push_back({.id = id, .name = id});
  }
  return out;
}

void complete_structures(const OwnSegments& own, std::vector<CardOutput>& outputs) {
  for (CardOutput& output : outputs) {
    for (Structure& structure : output.structures) structure = structure_of(structure.id, own);
  }
}

void warn_of_unknown(ModelCard& card) {
  for (const CardOutput& output : card.outputs) {
    for (const Structure& structure : output.structures) {
      if (structure.codes || output.type == "classification") continue;
      add_warning(card.warnings, fmt::format("'{}' is not in the table of segments", structure.id));
    }
  }
}

std::vector<Link> read_links(const Loose& owner, const char* key, const char* title_key) {
  std::vector<Link> out;
  for (const Loose& one : owner.objects(key)) {
    Link link{one.line(title_key), one.has("uri") ? one.uri("uri") : one.uri("url")};
    if (link.title.empty()) link.title = one.line("label");
    if (!link.title.empty() || !link.uri.empty()) out.push_back(std::move(link));
  }
  return out;
}

Section read_section(const Loose& info, const std::string& key) {
  Section out;
  out.key = plain_line(key, 64);
  if (info.json().at(key).is_string()) {
    out.text = info.text(key.c_str());
    return out;
  }
  const Loose section = info.object(key.c_str());
  out.title = section.line("title");
  out.text = section.text("text");
  out.references = read_links(section, "references", "label");
  for (const Loose& table : section.objects("tables", 50)) {
    Section::Table rows{table.line("label"), {}};
    const Loose entries = table.object("entries");
    for (const auto& item : entries.json().items()) {
      constexpr std::size_t most = 200;
      if (rows.entries.size() == most) break;
      rows.entries.emplace_back(plain_line(item.key(), Loose::kLine), entries.line(item.key().c_str()));
    }
    out.tables.push_back(std::move(rows));
  }
  return out;
}

}  // namespace sagittal::hub
