#include "io/unzip.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>
#include <new>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::io {
namespace {

constexpr std::uint16_t kStored = 0, kDeflated = 8;
constexpr std::uint64_t kLargestExpansion = 1032;  // of one deflated byte

[[noreturn]] void throw_damaged(std::string_view what, const std::string& name) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {} is damaged", what, name));
}

}  // namespace

bool looks_zipped(ByteView start) {
  return start.size() >= 4 && start[0] == 'P' && start[1] == 'K' && start[2] == 3 && start[3] == 4;
}

Buffer unzip(const ZipArchive& archive, const std::string& name, std::size_t max_bytes, std::string_view what) {
  const ByteView packed = archive.packed(name);
  const ZipArchive::Entry& entry = archive.entries().at(name);
  if (entry.size > max_bytes) {
    throw Error(ErrorCode::too_large,
                fmt::format("{}: {} has {} bytes, at most {} fit", what, name, entry.size, max_bytes));
  }
  const bool possible =
      entry.method == kStored ? entry.size == packed.size() : entry.size / kLargestExpansion <= packed.size();
  if (entry.method != kStored && entry.method != kDeflated) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: {} is compressed by method {}, expected deflate", what, name, entry.method));
  }
  if (!possible) throw_damaged(what, name);
  Buffer content(entry.size);
  if (entry.method == kStored) {
    std::copy(packed.begin(), packed.end(), content.as<std::uint8_t>().begin());
  } else {
    const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> decompressor(
        libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
    if (!decompressor) throw std::bad_alloc();
    if (libdeflate_deflate_decompress(decompressor.get(), packed.data(), packed.size(), content.data(), content.size(),
                                      nullptr) != LIBDEFLATE_SUCCESS) {
      throw_damaged(what, name);
    }
  }
  if (libdeflate_crc32(0, content.data(), content.size()) != entry.checksum) throw_damaged(what, name);
  return content;
}

}  // namespace sagittal::io
