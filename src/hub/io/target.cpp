#include "hub/io/target.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kLongest = 1000;
constexpr std::string_view kOutputFolder = "/app/data/output_data/";

/// A path below a folder: no root, no "..", no empty part.
bool stays_below(std::string_view path) {
  const auto parts = split(path, '/');
  return std::none_of(parts.begin(), parts.end(), [](std::string_view part) {
    return part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos;
  });
}

std::string_view base_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

const std::string& attribute(const Attributes& from, const std::string& key, std::string_view what) {
  const auto found = from.find(key);
  if (found != from.end()) return found->second;
  throw Error(ErrorCode::bad_input,
              fmt::format("the {} has no '{}', which a target's path needs", what, plain_line(key, 80)));
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// What a pattern's places may be: one certain character, or one or more of any but '/', or of any.
struct Place {
  char character = 0;
  bool wild = false;
  bool crosses_folders = false;
};

/// Whether the pattern is the whole path, in time of their product.
bool fits_pattern(const std::vector<Place>& pattern, std::string_view path) {
  std::vector<char> reached(path.size() + 1, 0);  // reached[n]: the places so far can be the first n characters
  reached[0] = 1;
  for (const Place& place : pattern) {
    std::vector<char> next(path.size() + 1, 0);
    for (std::size_t n = 0; n < path.size(); ++n) {
      const bool takes = place.wild ? place.crosses_folders || path[n] != '/' : path[n] == place.character;
      const bool from = reached[n] != 0 || (place.wild && next[n] != 0);
      if (takes && from) next[n + 1] = 1;
    }
    reached = std::move(next);
  }
  return reached[path.size()] != 0;
}

}  // namespace

TargetPath::Part TargetPath::placeholder(std::string_view inside) {
  using enum Part::Kind;
  if (inside.starts_with("i:") && is_word(inside.substr(2))) return {instance, std::string(inside.substr(2))};
  if (inside.starts_with("d:") && is_word(inside.substr(2))) return {data, std::string(inside.substr(2))};
  if (inside == "path") return {path, ""};
  if (inside == "basename") return {basename, ""};
  if (inside == "filename") return {filename, ""};
  if (inside == "filext") return {extension, ""};
  if (inside == "random") return {random, ""};
  return {text, fmt::format("[{}]", inside)};
}

TargetPath::TargetPath(std::string_view given) {
  if (given.size() > kLongest)
    throw Error(ErrorCode::bad_input, fmt::format("a target's path is longer than {} bytes", kLongest));
  if (given.starts_with(kOutputFolder)) given.remove_prefix(kOutputFolder.size());
  if (!stays_below(given)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("the target '{}' is no path below the output folder", plain_line(given, 120)));
  }
  std::string_view rest = given;
  while (!rest.empty()) {
    const auto open = rest.find('[');
    const auto close = open == std::string_view::npos ? open : rest.find(']', open);
    if (close == std::string_view::npos) break;
    if (open > 0) parts_.push_back({Part::Kind::text, std::string(rest.substr(0, open))});
    parts_.push_back(placeholder(rest.substr(open + 1, close - open - 1)));
    rest.remove_prefix(close + 1);
  }
  if (!rest.empty()) parts_.push_back({Part::Kind::text, std::string(rest)});
}

std::string TargetPath::fill(const Attributes& instance, const DataType& data, std::string_view file_path,
                             std::string_view random) const {
  const std::string_view base = base_of(file_path);
  const auto dot = base.find('.');
  std::string out;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Part::Kind::text:
        out += part.text;
        break;
      case Part::Kind::instance:
        out += attribute(instance, part.text, "instance");
        break;
      case Part::Kind::data:
        out += attribute(data.meta, part.text, "data");
        break;
      case Part::Kind::path:
        out += file_path;
        break;
      case Part::Kind::basename:
        out += base;
        break;
      case Part::Kind::filename:
        out += base.substr(0, dot);
        break;
      case Part::Kind::extension:
        if (dot != std::string_view::npos) out += base.substr(dot + 1);
        break;
      case Part::Kind::random:
        out += random;
        break;
    }
  }
  if (stays_below(out)) return out;
  throw Error(ErrorCode::bad_input,
              fmt::format("a result would go to '{}', which is no path below the output folder", plain_line(out, 120)));
}

bool TargetPath::fits(std::string_view path, const Attributes& instance) const {
  if (path.size() > 4 * kLongest) return false;
  std::vector<Place> pattern;
  const auto add_text = [&](const std::string& text) {
    for (const char c : text) pattern.push_back({.character = c});
  };
  for (const Part& part : parts_) {
    const auto known = part.kind == Part::Kind::instance ? instance.find(part.text) : instance.end();
    if (part.kind == Part::Kind::text) {
      add_text(part.text);
    } else if (known != instance.end()) {
      add_text(known->second);
    } else {
      pattern.push_back({.wild = true, .crosses_folders = part.kind == Part::Kind::path});
    }
  }
  return fits_pattern(pattern, path);
}

std::string TargetPath::shown(const Attributes& instance) const {
  std::string out;
  for (const Part& part : parts_) {
    const auto known = part.kind == Part::Kind::instance ? instance.find(part.text) : instance.end();
    if (part.kind == Part::Kind::text) {
      out += part.text;
    } else if (known != instance.end()) {
      out += known->second;
    } else {
      out += part.text.empty() ? "[…]" : fmt::format("[{}]", part.text);
    }
  }
  return out;
}

Target parse_target(std::string_view text) {
  constexpr std::string_view arrow = "-->";
  const auto at = text.find(arrow);
  if (at == std::string_view::npos) {
    throw Error(ErrorCode::bad_input, fmt::format("'{}' is no target, expected QUERY-->PATH", plain_line(text, 120)));
  }
  const std::string query = lower_case(text.substr(0, at));
  const bool is_segmentation = query.find(":mod=seg") != std::string::npos || query.starts_with("dicomseg");
  return {DataQuery(text.substr(0, at)), TargetPath(text.substr(at + arrow.size())), is_segmentation};
}

}  // namespace sagittal::hub
