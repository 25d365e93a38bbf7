#pragma once
#include <string_view>

#include "base/json.h"

namespace sagittal::hub {

/// A TOML text as JSON; dates and times are null. Error(bad_input).
Json parse_toml(std::string_view text, std::string_view what);

}  // namespace sagittal::hub
