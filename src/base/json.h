#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

namespace sagittal {

using Json = nlohmann::json;

/// Parses text from outside: at most `max_depth` nested containers and no duplicate-sensitive tricks; Error(bad_input)
/// names `what` and the position.
Json parse_json(std::string_view text, std::string_view what, int max_depth = 64);

/// `object[key]` converted to T, or Error(bad_input) naming `what`, the key and what was found. An integer T, and each
/// integer of a list T, accepts whole numbers in its range only.
template <class T>
T json_get(const Json& object, const char* key, std::string_view what);

/// Like `json_get`, but `fallback` where the key is absent or null.
template <class T>
T json_get_or(const Json& object, const char* key, std::string_view what, T fallback);

[[noreturn]] void throw_json_type(const Json& object, const char* key, std::string_view what);

/// Whether every integer of a T is a whole number in range in `value`; true where T holds none.
template <class T>
bool json_integers_fit(const Json& value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (!value.is_number_integer()) return false;
    return value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                      : std::in_range<T>(value.get<std::int64_t>());
  } else if constexpr (requires { typename T::value_type; } && !std::is_same_v<T, Json> &&
                       !std::is_same_v<T, std::string>) {
    return std::all_of(value.begin(), value.end(), json_integers_fit<typename T::value_type>);
  }
  return true;
}

template <class T>
T json_get(const Json& object, const char* key, std::string_view what) {
  try {
    const Json& value = object.at(key);
    if (!json_integers_fit<T>(value)) throw_json_type(object, key, what);
    return value.get<T>();
  } catch (const Json::exception&) {
    throw_json_type(object, key, what);
  }
}

template <class T>
T json_get_or(const Json& object, const char* key, std::string_view what, T fallback) {
  if (!object.is_object()) throw_json_type(object, key, what);
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? fallback : json_get<T>(object, key, what);
}

}  // namespace sagittal
