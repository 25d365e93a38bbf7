#pragma once
#include <string>
#include <string_view>

#include "base/json.h"

namespace sagittal::stream {

/// "operator.parameter=value" as people write it, the value as in YAML; the parameter may have points of its own.
struct Setting {
  std::string op, parameter;
  Json value;
};
/// Error(bad_input).
Setting parse_setting(std::string_view text);

}  // namespace sagittal::stream
