#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sagittal {

/// ASCII letters in lower case, whatever the locale.
std::string lower_case(std::string_view text);

/// What stands between the separators, empty parts too: one part more than separators. Views into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace sagittal
