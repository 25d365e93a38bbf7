#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sagittal {

/// The directory of a ZIP archive (ZIP64 included). Offsets and sizes come from the central directory; every entry is
/// checked to lie inside the archive.
class ZipArchive {
 public:
  /// `bytes` must outlive the archive and all views taken from it. Throws Error(bad_input), naming `what`.
  ZipArchive(ByteView bytes, std::string_view what);

  /// The content of an entry that is stored uncompressed, as PyTorch writes them. Throws Error(not_found) for an
  /// unknown name, Error(unsupported) for a compressed or encrypted one, Error(bad_input) where its local header is
  /// broken.
  ByteView entry(const std::string& name) const;
  /// The bytes of an entry as they lie in the archive, in whatever way they are compressed. Errors as above, but for
  /// the compression.
  ByteView packed(const std::string& name) const;

  struct Entry {
    std::uint64_t header_offset = 0;
    std::uint64_t size = 0;
    std::uint64_t stored_size = 0;
    std::uint16_t method = 0;
    std::uint16_t flags = 0;
    std::uint32_t checksum = 0;  ///< CRC-32 of the content
  };
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

 private:
  const Entry& find(const std::string& name) const;
  void read_directory(std::uint64_t offset, std::uint64_t size, std::uint64_t count);

  ByteView bytes_;
  std::string what_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace sagittal
