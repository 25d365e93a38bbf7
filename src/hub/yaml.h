#pragma once
#include <string_view>

#include "base/json.h"

namespace sagittal::hub {

/// The first document of a YAML text as JSON whose scalars are all strings, and null. Error(bad_input) for what is no
/// YAML and for more than 20 000 values or 32 levels; Error(unsupported) for aliases, which no workflow needs and
/// which a few bytes of can stand for gigabytes. Of equal keys the last one counts.
Json parse_yaml(std::string_view text, std::string_view what);

/// A TOML text as JSON; dates and times are null. Error(bad_input).
Json parse_toml(std::string_view text, std::string_view what);

}  // namespace sagittal::hub
