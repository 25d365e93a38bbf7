#include "base/zip.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
constexpr std::uint32_t kEndOfDirectory = 0x06054b50;
constexpr std::uint32_t kEndOfDirectory64 = 0x06064b50;
constexpr std::uint32_t kLocator64 = 0x07064b50;
constexpr std::size_t kEndOfDirectorySize = 22;
constexpr std::size_t kLocator64Size = 20;
constexpr std::size_t kDirectoryEntrySize = 46;
constexpr std::size_t kLongestComment = 65535;
constexpr std::uint32_t kIn64 = 0xffffffff;  // the value stands in the ZIP64 record

std::size_t find_end_of_directory(ByteView bytes, const std::string& what) {
  if (bytes.size() >= kEndOfDirectorySize) {
    const std::size_t last = bytes.size() - kEndOfDirectorySize;
    const std::size_t first = last - std::min(last, kLongestComment);
    for (std::size_t at = last + 1; at-- > first;) {
      ByteReader reader(bytes.subspan(at), what);
      if (reader.read<std::uint32_t>() == kEndOfDirectory) return at;
    }
  }
  throw Error(ErrorCode::bad_input, fmt::format("{}: not a ZIP archive, or truncated: no end of directory", what));
}

/// Replaces the fields that say "see ZIP64" by those of the extra record, in the order the format prescribes.
void read_zip64_extra(ByteView extra, const std::string& what, ZipArchive::Entry& entry) {
  ByteReader reader(extra, what);
  while (reader.remaining() >= 4) {
    const auto id = reader.read<std::uint16_t>();
    const auto length = reader.read<std::uint16_t>();
    ByteReader field(reader.take(length), what);
    if (id != 1) continue;
    for (std::uint64_t* value : {&entry.size, &entry.stored_size, &entry.header_offset}) {
      if (*value == kIn64) *value = field.read<std::uint64_t>();
    }
    return;
  }
}

}  // namespace

ZipArchive::ZipArchive(ByteView bytes, std::string_view what) : bytes_(bytes), what_(what) {
  const std::size_t end = find_end_of_directory(bytes_, what_);
  ByteReader reader(bytes_, what_);
  reader.seek(end + 4);
  reader.take(6);  // disk numbers and this disk's entry count
  std::uint64_t count = reader.read<std::uint16_t>();
  std::uint64_t size = reader.read<std::uint32_t>();
  std::uint64_t offset = reader.read<std::uint32_t>();
  if (end >= kLocator64Size) {
    reader.seek(end - kLocator64Size);
    if (reader.read<std::uint32_t>() == kLocator64) {
      reader.take(4);
      reader.seek(reader.read<std::uint64_t>());
      if (reader.read<std::uint32_t>() != kEndOfDirectory64) {
        throw Error(ErrorCode::bad_input,
                    fmt::format("{}: the ZIP64 end of directory is not where it should be", what_));
      }
      reader.take(28);  // record size, versions, disks, this disk's entry count
      count = reader.read<std::uint64_t>();
      size = reader.read<std::uint64_t>();
      offset = reader.read<std::uint64_t>();
    }
  }
  read_directory(offset, size, count);
}

void ZipArchive::read_directory(std::uint64_t offset, std::uint64_t size, std::uint64_t count) {
  ByteReader outer(bytes_, what_);
  outer.seek(offset);
  ByteReader reader(outer.take(size), what_ + ": directory");
  if (count > size / kDirectoryEntrySize) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: {} entries do not fit a directory of {} bytes", what_, count, size));
  }
  for (std::uint64_t i = 0; i < count; ++i) {
    if (reader.read<std::uint32_t>() != kDirectoryEntry) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: entry {} of the directory is broken", what_, i));
    }
    Entry entry;
    reader.take(4);  // versions
    entry.flags = reader.read<std::uint16_t>();
    entry.method = reader.read<std::uint16_t>();
    reader.take(4);  // time, date
    entry.checksum = reader.read<std::uint32_t>();
    entry.stored_size = reader.read<std::uint32_t>();
    entry.size = reader.read<std::uint32_t>();
    const auto name_length = reader.read<std::uint16_t>();
    const auto extra_length = reader.read<std::uint16_t>();
    const auto comment_length = reader.read<std::uint16_t>();
    reader.take(8);  // disk, attributes
    entry.header_offset = reader.read<std::uint32_t>();
    std::string name(as_text(reader.take(name_length)));
    read_zip64_extra(reader.take(extra_length), what_, entry);
    reader.take(comment_length);
    if (!entries_.emplace(name, entry).second) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: two entries are called \"{}\"", what_, name));
    }
  }
}

const ZipArchive::Entry& ZipArchive::find(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) throw Error(ErrorCode::not_found, fmt::format("{}: no entry \"{}\"", what_, name));
  constexpr std::uint16_t encrypted = 1;
  if ((found->second.flags & encrypted) != 0) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: \"{}\" is encrypted", what_, name));
  }
  return found->second;
}

ByteView ZipArchive::entry(const std::string& name) const {
  const Entry& entry = find(name);
  if (entry.method != 0 || entry.stored_size != entry.size) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: \"{}\" is compressed (method {}); expected a stored entry, as torch.save writes it",
                            what_, name, entry.method));
  }
  return packed(name);
}

ByteView ZipArchive::packed(const std::string& name) const {
  const Entry& entry = find(name);
  ByteReader reader(bytes_, fmt::format("{}: {}", what_, name));
  reader.seek(entry.header_offset);
  if (reader.read<std::uint32_t>() != kLocalHeader) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: no local header of \"{}\" at offset {}", what_, name, entry.header_offset));
  }
  reader.take(22);  // repeats the directory, or zeros where a data descriptor follows
  const auto name_length = reader.read<std::uint16_t>();
  const auto extra_length = reader.read<std::uint16_t>();
  if (as_text(reader.take(name_length)) != name) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: the local header of \"{}\" bears another name", what_, name));
  }
  reader.take(extra_length);
  return reader.take(entry.stored_size);
}

}  // namespace sagittal
