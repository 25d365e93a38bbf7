#include "base/json_order.h"

#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace sagittal {
namespace {
constexpr int kMaxDepth = 64;
}

std::vector<std::string> json_key_order(std::string_view text, std::string_view member, std::string_view what) {
  std::vector<std::string> keys;
  std::set<std::pair<int, std::string>> seen;
  bool inside = false;
  const auto collect = [&](int depth, Json::parse_event_t event, const Json& value) {
    if (depth > kMaxDepth) throw Error(ErrorCode::bad_input, fmt::format("{}: nested too deep", what));
    if (event != Json::parse_event_t::key) return true;
    if (depth == 1) inside = value == member;
    const bool counts = inside && depth <= 2;
    const auto key = counts ? value.get<std::string>() : std::string();
    if (counts && !seen.insert({depth, key}).second) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: \"{}\" stands there twice", what, key));
    }
    if (depth == 2 && inside) keys.push_back(key);
    return true;
  };
  try {
    const Json root = Json::parse(text, collect);
    return root.is_object() ? keys : std::vector<std::string>();
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: not JSON: {}", what, error.what()));
  }
}

}  // namespace sagittal
