#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/toml.h"

namespace sagittal::hub {
namespace {

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json out = Json::object();
    for (const auto& [key, value] : *table) out[std::string(key.str())] = to_json(value);
    return out;
  }
  if (const auto* array = node.as_array()) {
    Json out = Json::array();
    for (const toml::node& value : *array) out.push_back(to_json(value));
    return out;
  }
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return *number;
  if (const auto number = node.value_exact<double>()) return *number;
  if (const auto flag = node.value_exact<bool>()) return *flag;
  return nullptr;
}

}  // namespace

Json parse_toml(std::string_view text, std::string_view what) {
  // Fuzzing found the library of Debian 12 leaving its tables at bare keys beyond ASCII. What is read here are
  // addresses.
  std::string ascii(text);
  std::replace_if(
      ascii.begin(), ascii.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  try {
    return to_json(toml::parse(ascii));
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}, line {}: not TOML: {}", what, error.source().begin.line, error.description()));
  }
}

}  // namespace sagittal::hub
