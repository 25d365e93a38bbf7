#pragma once
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
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

/// Bytes of the UTF-8 character that `text` begins with: well-formed, no overlong form, no surrogate. 0 where it begins
/// with none.
std::size_t utf8_length(std::string_view text);
/// Whether it is such characters from beginning to end.
bool is_utf8(std::string_view text);

/// The number that `text` is from its first to its last character; nothing where it is none or does not fit.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

}  // namespace sagittal
