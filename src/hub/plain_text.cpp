#include "hub/plain_text.h"

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace sagittal::hub {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// C1 controls, and the marks that turn the direction of what stands around them.
bool is_hidden_control(std::string_view character) {
  if (character.size() == 2) return character[0] == '\xC2' && static_cast<std::uint8_t>(character[1]) < 0xA0;
  if (character.size() != 3 || character[0] != '\xE2') return false;
  const auto low = static_cast<std::uint8_t>(character[2]);
  return (character[1] == '\x80' && low >= 0xA8 && low <= 0xAE) ||
         (character[1] == '\x81' && low >= 0xA6 && low <= 0xA9);
}

std::string trimmed(std::string text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\n'; };
  while (!text.empty() && is_blank(text.back())) text.pop_back();
  text.erase(0, static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_blank) - text.begin()));
  return text;
}

std::string cleaned(std::string_view text, std::size_t max_bytes, bool lines) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    std::string_view character = length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
    if (character.size() == 1) {
      const char c = character[0];
      const bool white = c == '\n' || c == '\t' || c == '\r';
      if (white) {
        character = c == '\n' && lines ? "\n" : " ";
      } else if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7F) {
        continue;
      }
    } else if (is_hidden_control(character)) {
      continue;
    }
    if (character == " " && (out.empty() || out.back() == ' ')) continue;
    if (out.size() + character.size() > max_bytes) break;
    out += character;
  }
  return trimmed(std::move(out));
}

}  // namespace

std::string plain_text(std::string_view text, std::size_t max_bytes) { return cleaned(text, max_bytes, true); }

std::string plain_line(std::string_view text, std::size_t max_bytes) { return cleaned(text, max_bytes, false); }

std::string safe_uri(std::string_view text) {
  constexpr std::size_t longest = 2000;
  const std::size_t host = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != '<' && c != '>' && c != '\\';
  });
  if (host == 0 || text.size() <= host || text.size() > longest || !plain) return "";
  const std::string_view authority = text.substr(host, text.find_first_of("/?#", host) - host);
  return authority.empty() || authority.find('@') != std::string_view::npos ? "" : std::string(text);
}

std::vector<std::string_view> words_in(std::string_view text, bool (*in_word)(char)) {
  std::vector<std::string_view> words;
  for (auto begin = text.begin(); (begin = std::find_if(begin, text.end(), in_word)) != text.end();) {
    const auto end = std::find_if_not(begin, text.end(), in_word);
    words.push_back(text.substr(static_cast<std::size_t>(begin - text.begin()), static_cast<std::size_t>(end - begin)));
    begin = end;
  }
  return words;
}

bool is_model_name(std::string_view text) {
  constexpr std::size_t longest = 64;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= longest && is_letter(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter(c) || c == '_' || c == '-' || c == '.'; });
}

}  // namespace sagittal::hub
