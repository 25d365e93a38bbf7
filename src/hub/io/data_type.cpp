#include "hub/io/data_type.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {

DataType parse_data_type(std::string_view text) {
  constexpr std::size_t longest = 2000;
  const auto fail = [&](std::string_view why) -> Error {
    return {ErrorCode::bad_input,
            fmt::format("'{}' is no data type, expected e.g. nifti:mod=ct; {}", plain_line(text, 120), why)};
  };
  if (text.size() > longest) throw fail("it is too long");
  const auto parts = split(text, ':');
  DataType out{.file = lower_case(parts[0]), .meta = {}};
  const bool named = !out.file.empty() && std::all_of(out.file.begin(), out.file.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
  if (!named) throw fail("it does not begin with a type");
  for (std::size_t n = 1; n < parts.size(); ++n) {
    const auto equal = parts[n].find('=');
    if (equal == std::string_view::npos || equal == 0)
      throw fail(fmt::format("'{}' is no key=value", plain_line(parts[n], 80)));
    out.meta[std::string(parts[n].substr(0, equal))] = parts[n].substr(equal + 1);
  }
  return out;
}

std::string to_string(const DataType& type) {
  std::string out = type.file;
  for (const auto& [key, value] : type.meta) out += fmt::format(":{}={}", key, value);
  return out;
}

}  // namespace sagittal::hub
