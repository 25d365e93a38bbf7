#include "hub/loose.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMostWarnings = 50;

const Json& empty_object() {
  static const Json empty = Json::object();
  return empty;
}
const Json& empty_list() {
  static const Json empty = Json::array();
  return empty;
}

std::optional<std::string> as_scalar(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  return std::nullopt;
}

}  // namespace

void add_warning(std::vector<std::string>& warnings, std::string_view sentence) {
  if (warnings.size() < kMostWarnings) warnings.push_back(plain_line(sentence, Loose::kLine));
}

Loose::Loose(const Json& value, std::string where, std::vector<std::string>& warnings)
    : value_(&value), where_(std::move(where)), warnings_(&warnings) {
  if (value.is_object()) return;
  if (!value.is_null()) warn(fmt::format("{} is {}, expected an object", where_, value.type_name()));
  value_ = &empty_object();
}

void Loose::warn(std::string_view sentence) const { add_warning(*warnings_, sentence); }

const Json* Loose::find(const char* key) const {
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

std::string Loose::name(const char* key) const {
  return fmt::format("{}{}{}", where_, where_.ends_with(':') ? " " : ".", key);
}

std::optional<std::string> Loose::scalar(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  auto text = as_scalar(*value);
  if (!text) warn(fmt::format("{} is {}, expected text", name(key), value->type_name()));
  return text;
}

std::string Loose::line(const char* key, std::size_t max_bytes) const {
  return plain_line(scalar(key).value_or(""), max_bytes);
}

std::string Loose::text(const char* key, std::size_t max_bytes) const {
  return plain_text(scalar(key).value_or(""), max_bytes);
}

std::string Loose::uri(const char* key) const {
  const std::string given = line(key, 4000);
  const std::string address = safe_uri(given);
  const bool looks_like_one = given.find("://") != std::string::npos || given.find(':') < 12;
  if (address.empty() && looks_like_one) warn(fmt::format("{} is no address that can be followed", name(key)));
  return address;
}

std::optional<bool> Loose::flag(const char* key) const {
  const auto text = scalar(key);
  if (!text) return std::nullopt;
  const std::string word = lower_case(*text);
  if (word == "true" || word == "yes") return true;
  if (word == "false" || word == "no") return false;
  if (!word.empty() && word != "n/a") warn(fmt::format("{} is neither true nor false", name(key)));
  return std::nullopt;
}

std::optional<std::int64_t> Loose::count(const char* key) const {
  const auto text = scalar(key);
  if (!text) return std::nullopt;
  const auto number = parse_number<std::int64_t>(*text);
  if (number && *number >= 0) return number;
  if (!text->empty() && lower_case(*text) != "n/a") warn(fmt::format("{} is no whole number", name(key)));
  return std::nullopt;
}

const Json& Loose::list(const char* key, std::size_t most) const {
  const Json* value = find(key);
  if (value == nullptr) return empty_list();
  if (!value->is_array()) {
    warn(fmt::format("{} is {}, expected a list", name(key), value->type_name()));
    return empty_list();
  }
  if (value->size() > most) warn(fmt::format("{} has {} parts, of which {} are kept", name(key), value->size(), most));
  return *value;
}

std::vector<std::string> Loose::lines(const char* key, std::size_t most) const {
  std::vector<std::string> out;
  if (const Json* value = find(key); value != nullptr && value->is_string()) {
    if (std::string only = line(key); !only.empty()) out.push_back(std::move(only));
    return out;
  }
  const Json& all = list(key, most);
  for (std::size_t n = 0; n < std::min(all.size(), most); ++n) {
    const auto text = as_scalar(all[n]);
    if (!text) warn(fmt::format("{}[{}] is {}, expected text", name(key), n, all[n].type_name()));
    if (std::string one = plain_line(text.value_or(""), kLine); !one.empty()) out.push_back(std::move(one));
  }
  return out;
}

Loose Loose::object(const char* key) const {
  const Json* value = find(key);
  return {value == nullptr ? empty_object() : *value, name(key), *warnings_};
}

std::vector<Loose> Loose::objects(const char* key, std::size_t most) const {
  std::vector<Loose> out;
  const Json& all = list(key, most);
  for (std::size_t n = 0; n < std::min(all.size(), most); ++n) {
    out.emplace_back(all[n], fmt::format("{}[{}]", name(key), n), *warnings_);
  }
  return out;
}

}  // namespace sagittal::hub
