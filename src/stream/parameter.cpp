#include "stream/parameter.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/json_text.h"

namespace sagittal::stream {
namespace {

template <class T>
constexpr std::string_view kKind = "";
template <>
constexpr std::string_view kKind<bool> = "true or false";
template <>
constexpr std::string_view kKind<std::int64_t> = "whole number";
template <>
constexpr std::string_view kKind<double> = "number";
template <>
constexpr std::string_view kKind<std::string> = "text";
template <>
constexpr std::string_view kKind<std::vector<std::int64_t>> = "list of whole numbers";
template <>
constexpr std::string_view kKind<std::vector<double>> = "list of numbers";
template <>
constexpr std::string_view kKind<std::vector<std::string>> = "list of texts";
template <>
constexpr std::string_view kKind<Json> = "anything";

bool is_sound(double value) { return std::isfinite(value); }
bool is_sound(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}
bool is_sound(const auto&) { return true; }

}  // namespace

template <class T>
std::string Parameter<T>::kind() const {
  std::string text(kKind<T>);
  if (low_) text += fmt::format(" from {} to {}", json_text(*low_), json_text(*high_));
  if (!choices_.empty()) text += fmt::format(", one of {}", json_text(choices_));
  return text;
}

template <class T>
T Parameter<T>::parse(const Json& value) const {
  const auto refuse = [&]() -> T {
    throw Error(ErrorCode::bad_input,
                fmt::format("parameter \"{}\" is {}, expected: {}", name_, json_text(value).substr(0, 100), kind()));
  };
  T parsed{};
  try {
    if constexpr (std::is_same_v<T, Json>) {
      parsed = value;
    } else {
      parsed = json_get<T>(Json{{"value", value}}, "value", name_);
    }
  } catch (const Error&) {
    return refuse();
  }
  if (!is_sound(parsed)) return refuse();
  if constexpr (!std::is_same_v<T, Json>) {
    if (low_ && (parsed < *low_ || *high_ < parsed)) return refuse();
    if (!choices_.empty() && std::find(choices_.begin(), choices_.end(), parsed) == choices_.end()) return refuse();
  }
  return parsed;
}

template class Parameter<bool>;
template class Parameter<std::int64_t>;
template class Parameter<double>;
template class Parameter<std::string>;
template class Parameter<std::vector<std::int64_t>>;
template class Parameter<std::vector<double>>;
template class Parameter<std::vector<std::string>>;
template class Parameter<Json>;

}  // namespace sagittal::stream
