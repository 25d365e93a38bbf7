#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include <charconv>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/toml.h"

namespace sagittal::hub {
namespace {

constexpr char kMark = '~';  // no bare key has it

[[noreturn]] void refuse_mark() { throw Error(ErrorCode::bad_input, "write ~ itself, without an escape"); }

/// Fuzzing found the library of Debian 12 leaving its tables at bare keys beyond ASCII, so it sees ASCII alone: each
/// other byte, and the mark itself, as the mark and two hexadecimal digits.
std::string to_ascii(std::string_view text) {
  std::string ascii;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    byte >= 0x80 || c == kMark ? ascii += fmt::format("{}{:02x}", kMark, byte) : ascii += c;
  }
  return ascii;
}

std::string from_ascii(std::string_view ascii) {
  std::string text;
  for (std::size_t at = 0; at < ascii.size(); ++at) {
    if (ascii[at] != kMark) {
      text += ascii[at];
      continue;
    }
    unsigned byte = 0;
    const std::string_view digits = ascii.substr(at + 1, 2);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() < 2 || failure != std::errc() || end != digits.data() + 2) refuse_mark();
    text += static_cast<char>(byte);
    at += 2;
  }
  if (!is_utf8(text)) refuse_mark();
  return text;
}

Json to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json out = Json::object();
    for (const auto& [key, value] : *table) out[from_ascii(key.str())] = to_json(value);
    return out;
  }
  if (const auto* array = node.as_array()) {
    Json out = Json::array();
    for (const toml::node& value : *array) out.push_back(to_json(value));
    return out;
  }
  if (const auto text = node.value_exact<std::string>()) return from_ascii(*text);
  if (const auto number = node.value_exact<std::int64_t>()) return *number;
  if (const auto number = node.value_exact<double>()) return *number;
  if (const auto flag = node.value_exact<bool>()) return *flag;
  return nullptr;
}

}  // namespace

Json parse_toml(std::string_view text, std::string_view what) {
  try {
    if (!is_utf8(text)) throw Error(ErrorCode::bad_input, "not UTF-8");
    return to_json(toml::parse(to_ascii(text)));
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}, line {}: not TOML: {}", what, error.source().begin.line, error.description()));
  } catch (const Error& error) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, error.what()));
  }
}

}  // namespace sagittal::hub
