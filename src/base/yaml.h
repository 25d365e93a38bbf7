#pragma once
#include <string_view>

#include "base/json.h"

namespace sagittal {

/// What scalars become: strings all of them, or truth values and decimal numbers where they are written without quotes.
enum class YamlScalars { text, typed };

/// The first document of a YAML text as JSON, its scalars as `scalars` says, and null. Error(bad_input) for what is no
/// YAML and for more than 20 000 values or 32 levels; Error(unsupported) for aliases, which nobody needs
/// here and which a few bytes of can stand for gigabytes. Of equal keys the last one counts.
Json parse_yaml(std::string_view text, std::string_view what, YamlScalars scalars = YamlScalars::text);

}  // namespace sagittal
