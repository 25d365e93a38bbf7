#include "hub/structures.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "hub/plain_text.h"
#include "terms/terms.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostSegments = 2000;
constexpr std::size_t kIdLength = 120;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words{""};
  for (const char c : lower_case(text)) {
    const bool in_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    if (in_word) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

/// Upper case with '_' for blanks, as ids are written.
std::string written_id(std::string_view text) {
  std::string id = plain_line(text, kIdLength);
  std::transform(id.begin(), id.end(), id.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c == ' ' || c == '-' ? '_' : c;
  });
  return id;
}

Structure known_structure(const terms::Term& term) {
  return {.id = term.id, .name = term.name, .colour = term.colour, .codes = term.codes};
}

Rgb read_colour(const Loose& segment) {
  const auto parts = segment.lines("color", 3);
  Rgb colour{255, 255, 255};
  if (parts.empty()) return colour;
  Rgb read{};
  bool good = parts.size() == read.size();
  for (std::size_t c = 0; good && c < read.size(); ++c) {
    const auto value = parse_number<std::uint8_t>(parts[c]);
    good = value.has_value();
    read[c] = value.value_or(0);
  }
  if (good) return read;
  segment.warn("a colour of segdb is not three numbers from 0 to 255");
  return colour;
}

using Triplets = std::map<std::string, Code, std::less<>>;

std::optional<Code> triplet(const Triplets& own, const std::string& id) {
  if (const auto found = own.find(id); found != own.end()) return found->second;
  if (id.empty()) return std::nullopt;
  const auto term = terms::find_term(id);
  return term ? std::optional(term->codes.type) : std::nullopt;
}

Triplets read_triplets(const Loose& segdb) {
  Triplets out;
  const Loose triplets = segdb.object("triplets");
  for (const auto& item : triplets.json().items()) {
    if (out.size() == kMostSegments) break;
    const Loose one = triplets.object(item.key().c_str());
    out[written_id(item.key())] = {one.line("code", 64), one.line("scheme_designator", 16), one.line("meaning", 200)};
  }
  return out;
}

/// True where one of the codes that make up `term` has that value, and that scheme where one is asked for.
bool has_code(const terms::Term& term, std::string_view scheme, std::string_view value) {
  const auto is_it = [&](const Code& code) {
    return code.value == value && (scheme.empty() || lower_case(code.scheme) == lower_case(scheme));
  };
  return is_it(term.codes.type) || (term.codes.region && is_it(*term.codes.region));
}

bool looks_like_code(std::string_view text) {
  const std::string_view value = text.substr(text.find(':') == std::string_view::npos ? 0 : text.find(':') + 1);
  return value.size() >= 4 && std::any_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         std::count_if(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; }) + 1 >=
             static_cast<std::ptrdiff_t>(value.size());
}

}  // namespace

OwnSegments read_own_segments(const Loose& segdb) {
  const Triplets triplets = read_triplets(segdb);
  OwnSegments out;
  const Loose segments = segdb.object("segments");
  for (const auto& item : segments.json().items()) {
    if (out.size() == kMostSegments) break;
    const Loose one = segments.object(item.key().c_str());
    Structure structure{.id = written_id(item.key()), .name = one.line("name", 200), .colour = read_colour(one)};
    if (structure.name.empty()) structure.name = structure.id;
    const auto category = triplet(triplets, written_id(one.line("category", 64)));
    const auto type = triplet(triplets, written_id(one.line("type", 64)));
    if (category && type) {
      structure.codes = Terminology{*category, *type, triplet(triplets, written_id(one.line("modifier", 64)))};
    }
    out[structure.id] = std::move(structure);
  }
  return out;
}

Structure structure_of(std::string_view id, const OwnSegments& own) {
  const std::string written = written_id(id);
  if (const auto found = own.find(written); found != own.end()) return found->second;
  if (const auto term = terms::find_term(written)) return known_structure(*term);
  return {.id = written, .name = plain_line(id, kIdLength)};
}

bool is_background(std::string_view id) { return lower_case(id) == "background"; }

std::string colour_text(const Rgb& colour) {
  return fmt::format("#{:02x}{:02x}{:02x}", colour[0], colour[1], colour[2]);
}

bool answers(std::string_view id, std::string_view name, std::string_view wanted) {
  if (looks_like_code(wanted)) {
    const auto colon = wanted.find(':');
    const std::string_view scheme = colon == std::string_view::npos ? std::string_view() : wanted.substr(0, colon);
    const std::string_view value = colon == std::string_view::npos ? wanted : wanted.substr(colon + 1);
    const auto term = terms::find_term(id);
    return term && has_code(*term, scheme, value);
  }
  const auto own_words = words_of(fmt::format("{} {}", id, name));
  const auto asked = words_of(wanted);
  return !asked.empty() && std::all_of(asked.begin(), asked.end(), [&](const std::string& word) {
    return std::any_of(own_words.begin(), own_words.end(), [&](const auto& own) { return own.starts_with(word); });
  });
}

}  // namespace sagittal::hub
