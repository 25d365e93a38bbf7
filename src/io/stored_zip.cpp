#include "io/stored_zip.h"

#include <libdeflate.h>

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::io {
namespace {

constexpr std::uint64_t kFormatLimit = 0xFFFFFFFE;  // beyond, ZIP64 would be needed
constexpr std::size_t kMaxFiles = 0xFFFE;
constexpr std::size_t kEndBytes = 22, kEntryBytes = 46;
constexpr std::uint16_t kVersion = 10, kDate = 0x0021;  // 1 January 1980

template <class T>
void put(Bytes& out, T value) {
  for (std::size_t byte = 0; byte < sizeof(T); ++byte) out.push_back(static_cast<std::uint8_t>(value >> (8 * byte)));
}

void put_text(Bytes& out, const std::string& text) { out.insert(out.end(), text.begin(), text.end()); }

}  // namespace

void StoredZip::add(const std::string& name, ByteView file) {
  if (name.size() > 0xFFFF) throw Error(ErrorCode::bad_input, "a file's name is too long for a ZIP archive");
  const std::uint64_t limit = std::min(max_bytes_, kFormatLimit);
  const std::uint64_t after =
      archive_.size() + directory_.size() + file.size() + 2 * (kEntryBytes + name.size()) + kEndBytes;
  if (after > limit || files_ == kMaxFiles) {
    throw Error(ErrorCode::too_large, fmt::format("more than {} bytes or {} files", limit, kMaxFiles));
  }
  const auto offset = static_cast<std::uint32_t>(archive_.size()), size = static_cast<std::uint32_t>(file.size());
  const auto put_common = [&, sum = libdeflate_crc32(0, file.data(), file.size())](Bytes& out) {
    for (const std::uint16_t half : {kVersion, std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0}, kDate})
      put(out, half);
    for (const std::uint32_t word : {sum, size, size}) put(out, word);
    put(out, static_cast<std::uint16_t>(name.size()));
    put(out, std::uint16_t{0});
  };
  put(archive_, std::uint32_t{0x04034B50});
  put_common(archive_);
  put_text(archive_, name);
  archive_.insert(archive_.end(), file.begin(), file.end());
  put(directory_, std::uint32_t{0x02014B50});
  put(directory_, kVersion);
  put_common(directory_);
  for (int half = 0; half < 3; ++half) put(directory_, std::uint16_t{0});  // comment, disk, attributes
  put(directory_, std::uint32_t{0});
  put(directory_, offset);
  put_text(directory_, name);
  ++files_;
}

Bytes StoredZip::finish() && {
  const auto offset = static_cast<std::uint32_t>(archive_.size());
  archive_.insert(archive_.end(), directory_.begin(), directory_.end());
  put(archive_, std::uint32_t{0x06054B50});
  const auto files = static_cast<std::uint16_t>(files_);
  for (const std::uint16_t half : {std::uint16_t{0}, std::uint16_t{0}, files, files}) put(archive_, half);
  put(archive_, static_cast<std::uint32_t>(directory_.size()));
  put(archive_, offset);
  put(archive_, std::uint16_t{0});
  return std::move(archive_);
}

}  // namespace sagittal::io
