#include "hub_text.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sagittal {
namespace {

/// "" for null.
std::string text_of(const Json& value) {
  return value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump();
}

std::string joined(const Json& list, std::string_view separator = ", ") {
  std::vector<std::string> texts;
  for (const Json& one : list) texts.push_back(text_of(one));
  return fmt::format("{}", fmt::join(texts, separator));
}

std::string licence_text(const Json& licence) {
  if (licence.at("weights").is_string()) return text_of(licence.at("weights"));
  return licence.at("code").is_string() ? text_of(licence.at("code")) : "not stated";
}

/// Whether a colour can be shown where the output goes.
bool shows_colours() {
  const char* no_colour = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

/// "#rrggbb", on a terminal as a patch of that colour.
std::string patch_of(const std::string& colour) {
  if (!shows_colours()) return colour;
  const auto part = [&](std::size_t at) { return std::stoi(colour.substr(at, 2), nullptr, 16); };
  return fmt::format("\033[48;2;{};{};{}m  \033[0m", part(1), part(3), part(5));
}

void print_line(const char* title, const std::string& text) {
  if (!text.empty()) fmt::print("{:<12}  {}\n", title, text);
}

std::string code_text(const Json& code) {
  return code.is_null() ? "" : fmt::format("{}:{}", text_of(code.at("scheme")), text_of(code.at("value")));
}

void print_structure(const Json& s) {
  const std::string label = s.at("label").is_null() ? "" : fmt::format("{:>3}", s.at("label").get<int>());
  std::string codes = code_text(s.at("type"));
  for (const char* part : {"modifier", "region", "region_modifier"}) {
    if (!s.at(part).is_null()) codes += ' ' + code_text(s.at(part));
  }
  fmt::print("  {} {:>3}  {:<40}  {:<38}  {}\n", patch_of(text_of(s.at("colour"))), label, text_of(s.at("name")),
             text_of(s.at("id")), codes);
}

void print_inputs(const Json& card) {
  for (const Json& input : card.at("inputs")) {
    std::string line = joined(input.at("modalities"), " or ");
    for (const char* part : {"format", "body_part", "slice_thickness"}) {
      if (const std::string text = text_of(input.at(part)); !text.empty()) line += ", " + text;
    }
    if (const std::string text = text_of(input.at("description")); !text.empty()) line += ": " + text;
    print_line("input", line);
  }
}

void print_outputs(const Json& card) {
  for (const Json& output : card.at("outputs")) {
    std::string line = text_of(output.at("type"));
    for (const char* part : {"label", "value_type"}) {
      if (const std::string text = text_of(output.at(part)); !text.empty()) line += ", " + text;
    }
    if (const std::string text = text_of(output.at("description")); !text.empty()) line += ": " + text;
    print_line("output", line);
    for (const Json& structure : output.at("structures")) print_structure(structure);
  }
}

void print_licence(const Json& licence) {
  const auto of = [&](const char* part) {
    const std::string text = text_of(licence.at(fmt::format("{}_text", part)));
    return text.empty() ? "not stated" : text;
  };
  const Json& commercial = licence.at("commercial_use");
  print_line("licence", fmt::format("weights {}, code {}; commercial use: {}", of("weights"), of("code"),
                                    commercial.is_null() ? "ask its makers"
                                    : commercial == true ? "yes"
                                                         : "no"));
}

void print_links(const Json& card) {
  for (const char* name : {"page", "code", "weights", "notebook"}) print_line(name, text_of(card.at("links").at(name)));
  for (const Json& one : card.at("publications")) {
    print_line("publication", fmt::format("{} {}", text_of(one.at("title")), text_of(one.at("uri"))));
  }
  for (const Json& one : card.at("figures")) {
    print_line("figure", fmt::format("{} {}", text_of(one.at("title")), text_of(one.at("uri"))));
  }
}

void print_sections(const Json& card) {
  for (const Json& section : card.at("sections")) {
    const std::string title = text_of(section.at("title"));
    fmt::print("\n{}\n{}\n", title.empty() ? text_of(section.at("key")) : title, text_of(section.at("text")));
  }
}

}  // namespace

void print_models(const Json& list) {
  constexpr const char* row = "{:<30}  {:<6}  {:<12}  {:<17}  {:<18}  {}\n";
  if (!list.at("models").empty()) fmt::print(row, "model", "source", "modality", "engine", "licence", "title");
  for (const Json& model : list.at("models")) {
    fmt::print(row, text_of(model.at("name")), text_of(model.at("source")), joined(model.at("modalities")),
               text_of(model.at("engine")), licence_text(model.at("licence")), text_of(model.at("title")));
  }
}

void print_card(const Json& card) {
  print_line("name", fmt::format("{} ({})", text_of(card.at("name")), text_of(card.at("source"))));
  print_line("title", text_of(card.at("title")));
  print_line("version", text_of(card.at("version")));
  print_line("about", text_of(card.at("summary")));
  print_line("engine", text_of(card.at("engine")));
  print_line("authors", joined(card.at("authors")));
  print_line("team", text_of(card.at("team")));
  print_licence(card.at("licence"));
  print_inputs(card);
  print_outputs(card);
  if (!card.at("image").is_null()) {
    print_line("image",
               fmt::format("{}:{}", text_of(card.at("image").at("name")), text_of(card.at("image").at("tag"))));
  }
  for (const Json& workflow : card.at("workflows")) {
    print_line("workflow", fmt::format("{}: {}", text_of(workflow.at("name")), joined(workflow.at("steps"), " > ")));
  }
  print_line("folder", text_of(card.at("folder")));
  print_line("test data", text_of(card.at("test_data")));
  print_line("citation", text_of(card.at("citation")));
  print_links(card);
  for (const Json& warning : card.at("warnings")) print_line("warning", text_of(warning));
  print_sections(card);
}

}  // namespace sagittal
