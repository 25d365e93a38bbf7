#include "hub/io/structure_pattern.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kLongest = 1000, kMostLevels = 16;

Error no_pattern(std::string_view text, std::string_view why) {
  return {ErrorCode::bad_input, fmt::format("'{}' is no pattern of paths: {}", plain_line(text, 120), why)};
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

/// "instance:studyID=none", "bundle", "" or a type of data.
void read_mark(std::string_view mark, std::string_view whole, StructureLevel& level) {
  const auto parts = split(mark, ':');
  if (parts[0] == "instance") {
    level.is_instance = true;
    for (std::size_t n = 1; n < parts.size(); ++n) {
      const auto equal = parts[n].find('=');
      if (equal == std::string_view::npos || !is_word(parts[n].substr(0, equal)))
        throw no_pattern(whole, fmt::format("'{}' is no key=value", plain_line(parts[n], 80)));
      level.fixed_attributes[std::string(parts[n].substr(0, equal))] = parts[n].substr(equal + 1);
    }
  } else if (parts[0] == "bundle" || mark.empty()) {
    level.is_bundle = true;
  } else {
    if (level.data) throw no_pattern(whole, "a level has two types");
    level.data = parse_data_type(mark);
  }
}

/// "re:EXPRESSION::GROUP::@MARK": the expression may hold any sign but "::".
StructureLevel read_expression(std::string_view text, std::string_view whole) {
  StructureLevel level{.kind = StructureLevel::Kind::expression};
  std::string_view rest = text.substr(3);
  for (bool first = true; !rest.empty() || first; first = false) {
    const auto end = rest.find("::");
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
    if (first) {
      level.text = part;
    } else if (part.starts_with('@')) {
      for (const std::string_view mark : split(part.substr(1), '@')) read_mark(mark, whole, level);
    } else {
      throw no_pattern(whole, "groups of expressions are not read");
    }
  }
  if (level.text.empty()) throw no_pattern(whole, "an expression is empty");
  return level;
}

StructureLevel read_level(std::string_view text, std::string_view whole) {
  if (text.starts_with("re:")) return read_expression(text, whole);
  const auto marks = split(text, '@');
  const std::string_view name = marks[0];
  const auto dollar = name.find('$');
  StructureLevel level;
  level.kind = dollar == 0 ? StructureLevel::Kind::free : StructureLevel::Kind::fixed;
  level.text = name.substr(0, dollar);
  if (dollar != std::string_view::npos) {
    level.attribute = name.substr(dollar + 1);
    if (!is_word(level.attribute)) throw no_pattern(whole, "'$' stands before no name");
  } else if (level.text.empty()) {
    throw no_pattern(whole, "a level has no name");
  }
  if (level.text == "." || level.text == ".." || level.text.find('\0') != std::string::npos)
    throw no_pattern(whole, "it leads out of its folder");
  for (std::size_t n = 1; n < marks.size(); ++n) read_mark(marks[n], whole, level);
  return level;
}

}  // namespace

const DataType* StructurePattern::data() const {
  return !levels.empty() && levels.back().data ? &*levels.back().data : nullptr;
}

std::size_t StructurePattern::instance_depth() const {
  for (std::size_t n = levels.size(); n > 0; --n) {
    if (levels[n - 1].is_instance) return n;
  }
  return 0;
}

StructurePattern parse_structure(std::string_view text) {
  if (text.size() > kLongest) throw no_pattern(text, fmt::format("longer than {} bytes", kLongest));
  const auto parts = split(text, '/');
  if (parts.size() > kMostLevels) throw no_pattern(text, fmt::format("more than {} levels", kMostLevels));
  StructurePattern pattern;
  for (const std::string_view part : parts) pattern.levels.push_back(read_level(part, text));
  return pattern;
}

std::optional<std::string> name_for(const StructureLevel& level) {
  if (level.kind == StructureLevel::Kind::fixed) return level.text;
  if (level.kind == StructureLevel::Kind::free) return std::nullopt;
  std::string_view inside = level.text;
  if (inside.starts_with('^')) inside.remove_prefix(1);
  if (inside.ends_with('$')) inside.remove_suffix(1);
  constexpr std::string_view any = ".*\\.";
  if (!inside.starts_with(any) || !is_word(inside.substr(any.size()))) return std::nullopt;
  std::string name = "image.";
  name += inside.substr(any.size());
  return name;
}

}  // namespace sagittal::hub
