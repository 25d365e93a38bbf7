#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::io {

/// `text` without white space at its ends.
std::string_view trimmed(std::string_view text);

/// The words of `text`, separated by white space.
std::vector<std::string_view> words_of(std::string_view text);

/// Every word as a number, or Error(bad_input) naming `what` and the word.
std::vector<double> numbers_of(std::string_view text, std::string_view what);
std::int64_t whole_number_of(std::string_view word, std::string_view what);
std::vector<std::int64_t> whole_numbers_of(std::string_view text, std::string_view what);

/// "true" or "1"; "false" or "0"; Error(bad_input) otherwise.
bool truth_of(std::string_view word, std::string_view what);

/// Takes one line off the front of `rest`, without its end; "\r\n" and "\n" both end a line.
std::string_view take_line(std::string_view& rest);

}  // namespace sagittal::io
