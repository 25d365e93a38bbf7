#include "server/http/query.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "server/http/request.h"

namespace sagittal::server::http {
namespace {

constexpr std::size_t kMaxFields = 64;

std::string decode(std::string_view text) {
  std::string plain(text);
  std::replace(plain.begin(), plain.end(), '+', ' ');
  return decode_percent(plain, "the query");
}

}  // namespace

Query::Query(std::string_view text) {
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), field.size() + 1));
    if (field.empty()) continue;
    if (fields_.size() == kMaxFields) {
      throw Error(ErrorCode::bad_input, fmt::format("the query has more than {} fields", kMaxFields));
    }
    const auto equals = std::min(field.size(), field.find('='));
    const std::string_view value = field.substr(std::min(field.size(), equals + 1));
    fields_.emplace_back(decode(field.substr(0, equals)), decode(value));
  }
}

bool Query::has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) { return field.first == name; });
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : fields_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::string Query::one(std::string_view name) const {
  const auto values = all(name);
  if (values.size() == 1) return values.front();
  throw Error(ErrorCode::bad_input, fmt::format("expected one {}= in the query, found {}", name, values.size()));
}

}  // namespace sagittal::server::http
