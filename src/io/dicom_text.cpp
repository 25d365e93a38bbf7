#include "io/dicom_text.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcspchrs.h>
#include <dcmtk/oflog/oflog.h>

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/text.h"

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

std::optional<std::string> by_dcmtk(const std::string& text, const std::string& character_set) {
  silence_dcmtk();
  DcmSpecificCharacterSet converter;
  OFString out;
  const bool converted = converter.selectCharacterSet(OFString(character_set.c_str()), OFString("ISO_IR 192")).good() &&
                         converter.convertString(OFString(text.data(), text.size()), out, OFString("\\^=")).good();
  return converted ? std::optional(std::string(out.data(), out.size())) : std::nullopt;
}

/// A code extension as iconv knows it; `mark` is DICOM's escape sequence, which iconv's name implies.
struct Extension {
  std::string_view set, iconv_name, mark;
};

/// Debian's DCMTK cannot convert code extensions.
std::optional<std::string> by_iconv(std::string text, const std::string& character_set) {
  static constexpr std::array<Extension, 4> extensions{{{"ISO 2022 IR 87", "ISO-2022-JP-2", ""},
                                                        {"ISO 2022 IR 159", "ISO-2022-JP-2", ""},
                                                        {"ISO 2022 IR 149", "EUC-KR", "\x1b$)C"},
                                                        {"ISO 2022 IR 58", "GB2312", "\x1b$)A"}}};
  for (const Extension& extension : extensions) {
    if (character_set.find(extension.set) == std::string::npos) continue;
    for (auto at = text.find(extension.mark); !extension.mark.empty() && at != std::string::npos;
         at = text.find(extension.mark, at))
      text.erase(at, extension.mark.size());
    const iconv_t converter = ::iconv_open("UTF-8", std::string(extension.iconv_name).c_str());
    if (converter == reinterpret_cast<iconv_t>(-1)) return std::nullopt;
    std::string out(4 * text.size() + 16, '\0');
    char *from = text.data(), *to = out.data();
    std::size_t from_left = text.size(), to_left = out.size();
    const bool converted = ::iconv(converter, &from, &from_left, &to, &to_left) != static_cast<std::size_t>(-1);
    ::iconv_close(converter);
    if (!converted) return std::nullopt;
    out.resize(out.size() - to_left);
    return out;
  }
  return std::nullopt;
}

}  // namespace

std::string utf8_of(const std::string& text, const std::string& character_set) {
  if (is_plain(text)) return text;
  std::optional<std::string> utf8 = text;
  if (character_set != "ISO_IR 192")
    utf8 = character_set.find("ISO 2022") == std::string::npos ? by_dcmtk(text, character_set)
                                                               : by_iconv(text, character_set);
  return utf8 && is_utf8(*utf8) ? without_controls(*utf8) : ascii_of(text);
}

void silence_dcmtk() {
  static const bool once = (OFLog::configure(OFLogger::OFF_LOG_LEVEL), true);
  (void)once;
}

}  // namespace sagittal::io
