#include "io/dicom_text.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcspchrs.h>

#include <algorithm>
#include <cstdint>

namespace sagittal::io {
namespace {

bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return (c >= ' ' && c <= '~') || c == '\n'; });
}

std::string ascii_of(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return (c < ' ' && c != '\n') || c > '~'; }, '?');
  return text;
}

std::string without_controls(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return (c < ' ' && c != '\n') || c == 0x7F; }, '?');
  return text;
}

/// Well-formed, without overlong forms and surrogates.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const int more = first < 0x80 ? 0 : first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || i + static_cast<std::size_t>(more) >= text.size())
      return false;
    std::uint32_t code = more == 0 ? first : first & (0x3FU >> more);
    for (int n = 1; n <= more; ++n) {
      const auto next = static_cast<unsigned char>(text[i + static_cast<std::size_t>(n)]);
      if ((next & 0xC0) != 0x80) return false;
      code = code << 6 | (next & 0x3FU);
    }
    const bool overlong = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
    if (overlong || (code >= 0xD800 && code < 0xE000) || code > 0x10FFFF) return false;
    i += static_cast<std::size_t>(more) + 1;
  }
  return true;
}

}  // namespace

std::string utf8_of(const std::string& text, const std::string& character_set) {
  if (is_plain(text)) return text;
  if (character_set == "ISO_IR 192") return is_utf8(text) ? without_controls(text) : ascii_of(text);
  DcmSpecificCharacterSet converter;
  OFString out;
  const bool converted = converter.selectCharacterSet(OFString(character_set.c_str()), OFString("ISO_IR 192")).good() &&
                         converter.convertString(OFString(text.data(), text.size()), out, OFString("\\^=")).good();
  const std::string utf8(out.data(), out.size());
  return converted && is_utf8(utf8) ? without_controls(utf8) : ascii_of(text);
}

}  // namespace sagittal::io
