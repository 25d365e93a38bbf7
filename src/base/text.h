#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal {

/// For people: "512 bytes", "1.5 GiB".
std::string size_text(std::uint64_t bytes);

/// ASCII letters in lower case, whatever the locale.
std::string lower_case(std::string_view text);

/// What stands between the separators, empty parts too: one part more than separators. Views into `text`.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace sagittal
