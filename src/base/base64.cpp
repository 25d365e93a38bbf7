#include "base/base64.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kInvalid = 0xff;

constexpr std::array<std::uint8_t, 256> make_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kInvalid);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}
constexpr std::array<std::uint8_t, 256> kDigits = make_digits();

[[noreturn]] void refuse(std::string_view what, std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: not base64: {}", what, why));
}

}  // namespace

std::string encode_base64(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t b = 0; b < 3; ++b) group = group << 8 | (b < count ? bytes[i + b] : 0u);
    for (std::size_t d = 0; d < 4; ++d) text += d <= count ? kAlphabet[(group >> (18 - 6 * d)) & 63] : '=';
  }
  return text;
}

Bytes decode_base64(std::string_view text, std::string_view what) {
  if (text.size() % 4 != 0) refuse(what, fmt::format("{} characters, expected a multiple of 4", text.size()));
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (std::size_t d = 0; d < 4; ++d) {
      const std::uint8_t digit = d < digits ? kDigits[static_cast<unsigned char>(text[i + d])] : 0;
      if (digit == kInvalid) refuse(what, fmt::format("a stranger at character {}", i + d));
      group = group << 6 | digit;
    }
    const std::size_t count = digits - 1;
    if ((group & ((1u << (24 - 8 * count)) - 1)) != 0) refuse(what, "bits are set behind the last byte");
    for (std::size_t b = 0; b < count; ++b) bytes.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * b)));
  }
  return bytes;
}

}  // namespace sagittal
