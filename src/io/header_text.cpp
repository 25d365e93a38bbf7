#include "io/header_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::io {
namespace {
constexpr std::string_view kSpace = " \t\r\n\f\v";

template <class T>
T read_number(std::string_view word, std::string_view what) {
  if (const auto value = parse_number<T>(word.starts_with('+') ? word.substr(1) : word)) return *value;
  throw Error(ErrorCode::bad_input, fmt::format("{}: expected a number, found \"{}\"", what, word.substr(0, 40)));
}
}  // namespace

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.size(), text.find_first_not_of(kSpace));
  const auto end = text.find_last_not_of(kSpace);
  return end == std::string_view::npos ? std::string_view() : text.substr(begin, end + 1 - begin);
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
    const auto end = std::min(text.size(), text.find_first_of(kSpace));
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::vector<double> numbers_of(std::string_view text, std::string_view what) {
  std::vector<double> numbers;
  for (const std::string_view word : words_of(text)) numbers.push_back(read_number<double>(word, what));
  return numbers;
}

std::int64_t whole_number_of(std::string_view word, std::string_view what) {
  return read_number<std::int64_t>(trimmed(word), what);
}

std::vector<std::int64_t> whole_numbers_of(std::string_view text, std::string_view what) {
  std::vector<std::int64_t> numbers;
  for (const std::string_view word : words_of(text)) numbers.push_back(whole_number_of(word, what));
  return numbers;
}

bool truth_of(std::string_view word, std::string_view what) {
  const std::string lower = lower_case(trimmed(word));
  if (lower == "true" || lower == "1" || lower == "t") return true;
  if (lower == "false" || lower == "0" || lower == "f") return false;
  throw Error(ErrorCode::bad_input, fmt::format("{}: expected True or False, found \"{}\"", what, word.substr(0, 40)));
}

std::string_view take_line(std::string_view& rest) {
  const auto end = std::min(rest.size(), rest.find('\n'));
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(rest.size(), end + 1));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace sagittal::io
