#include "base/json.h"

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {

Json parse_json(std::string_view text, std::string_view what, int max_depth) {
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > max_depth) throw Error(ErrorCode::bad_input, fmt::format("{}: nested deeper than {}", what, max_depth));
    return true;
  };
  try {
    return Json::parse(text, limit_depth);
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: not JSON: {}", what, error.what()));
  }
}

void throw_json_type(const Json& object, const char* key, std::string_view what) {
  if (!object.is_object()) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: expected an object, found {}", what, object.type_name()));
  }
  const auto found = object.find(key);
  if (found == object.end()) throw Error(ErrorCode::bad_input, fmt::format("{}: \"{}\" is missing", what, key));
  throw Error(ErrorCode::bad_input,
              fmt::format("{}: \"{}\" has the wrong type or range: {}", what, key, found->type_name()));
}

}  // namespace sagittal
