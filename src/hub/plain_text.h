#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sagittal::hub {

/// A stranger's text made fit to show: valid UTF-8, no control characters but '\n', no blanks around it, at most
/// `max_bytes`, cut at a character.
std::string plain_text(std::string_view text, std::size_t max_bytes);

/// The same on one line.
std::string plain_line(std::string_view text, std::size_t max_bytes);

/// `text` if it is an http or https address without blanks, user or control characters, else empty.
std::string safe_uri(std::string_view text);

/// The longest runs of characters for which `in_word` holds. Views into `text`.
std::vector<std::string_view> words_in(std::string_view text, bool (*in_word)(char));

/// Whether it can be a model's name: 1 to 64 of a-z, 0-9, '_', '-' and '.', beginning with a letter or digit.
bool is_model_name(std::string_view text);

}  // namespace sagittal::hub
