#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/bytes.h"

namespace sagittal::hub {

/// A tar file as `tar` writes it, or with names and types that it would not.
class TarWriter {
 public:
  static constexpr char kFile = '0', kHardLink = '1', kSymbolicLink = '2', kDevice = '3', kFolder = '5';

  TarWriter& add(std::string_view path, std::string_view content, char type = kFile, std::string_view target = {},
                 bool executable = false) {
    char header[512] = {};
    const auto put = [&](std::size_t at, std::string_view text) { std::memcpy(header + at, text.data(), text.size()); };
    put(0, path.substr(0, 100));
    put(100, type == kFolder || executable ? "0000755" : "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", content.size()));
    put(136, "00000000000");
    put(148, "        ");
    header[156] = type;
    put(157, target.substr(0, 100));
    put(257, "ustar");
    put(263, "00");
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<std::uint8_t>(c);
    put(148, fmt::format("{:06o}", sum));
    header[154] = '\0';
    text_.append(header, sizeof(header));
    text_ += content;
    text_.append((512 - content.size() % 512) % 512, '\0');
    return *this;
  }
  Bytes finish() const {
    const std::string whole = text_ + std::string(1024, '\0');
    return {whole.begin(), whole.end()};
  }

 private:
  std::string text_;
};

}  // namespace sagittal::hub
