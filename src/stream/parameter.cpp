#include "stream/parameter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/json_text.h"

namespace sagittal::stream {
namespace {

template <class T>
constexpr std::string_view kType = "";
template <>
constexpr std::string_view kType<bool> = "true or false";
template <>
constexpr std::string_view kType<std::int64_t> = "whole number";
template <>
constexpr std::string_view kType<double> = "number";
template <>
constexpr std::string_view kType<std::string> = "text";
template <>
constexpr std::string_view kType<std::vector<std::int64_t>> = "list of whole numbers";
template <>
constexpr std::string_view kType<std::vector<double>> = "list of numbers";
template <>
constexpr std::string_view kType<std::vector<std::string>> = "list of texts";
template <>
constexpr std::string_view kType<Json> = "anything";

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kUnits{{{"_mm", "mm"},
                                                                               {"_ms", "ms"},
                                                                               {"_mib", "MiB"},
                                                                               {"_degrees", "°"},
                                                                               {"_pixel", "pixels"},
                                                                               {"_pixels", "pixels"},
                                                                               {"frame_rate", "Hz"}}};

bool is_sound(double value) { return std::isfinite(value); }
bool is_sound(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}
bool is_sound(const auto&) { return true; }

}  // namespace

std::string_view name_of(Settable settable) {
  switch (settable) {
    case Settable::live:
      return "while it runs";
    case Settable::at_start:
      return "at the start";
    case Settable::in_file:
      break;
  }
  return "in the file";
}

std::string ParameterBase::kind() const {
  std::string text(type());
  if (const Json span = limits(); !span.is_null()) {
    text += fmt::format(" from {} to {}", json_text(span[0]), json_text(span[1]));
  }
  if (const Json all = choices(); !all.is_null()) text += fmt::format(", one of {}", json_text(all));
  return text;
}

std::string_view ParameterBase::unit() const {
  if (!unit_.empty()) return unit_;
  for (const auto& [ending, unit] : kUnits) {
    if (name_.ends_with(ending)) return unit;
  }
  return {};
}

Json ParameterBase::describe() const {
  return {{"name", name_},
          {"description", description_},
          {"type", type()},
          {"limits", limits()},
          {"choices", choices()},
          {"unit", unit().empty() ? Json() : Json(unit())},
          {"path", path_},
          {"settable", name_of(settable_)},
          {"fixed", settable_ != Settable::live},
          {"kind", kind()},
          {"default", default_},
          {"value", value()}};
}

template <class T>
std::string_view Parameter<T>::type() const {
  return kType<T>;
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
