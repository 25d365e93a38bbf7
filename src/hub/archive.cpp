#include "hub/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

struct CloseArchive {
  void operator()(archive* handle) const { archive_read_free(handle); }
};
using Handle = std::unique_ptr<archive, CloseArchive>;

[[noreturn]] void fail(archive* handle) {
  const char* why = archive_error_string(handle);
  throw Error(ErrorCode::bad_input,
              fmt::format("the archive is damaged: {}", plain_line(why ? why : "no reason", 200)));
}

Handle make_handle() {
  Handle handle(archive_read_new());
  if (!handle) throw Error(ErrorCode::io, "out of memory");
  archive_read_support_format_zip_seekable(handle.get());  // by its directory: one that lost it is refused
  archive_read_support_format_tar(handle.get());
  archive_read_support_filter_gzip(handle.get());
  archive_read_support_filter_bzip2(handle.get());
  archive_read_support_filter_xz(handle.get());
  return handle;
}

/// Refuses what would leave the archive's folder, on any system.
std::string checked_path(archive_entry* entry, const ArchiveLimits& limits) {
  const char* raw = archive_entry_pathname(entry);
  std::string path = raw == nullptr ? "" : raw;
  while (path.starts_with("./")) path.erase(0, 2);
  while (!path.empty() && path.back() == '/') path.pop_back();
  if (path.empty() || path == ".") return "";
  const auto parts = split(path, '/');
  const bool strange = std::any_of(
      path.begin(), path.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7F; });
  const bool leaves =
      std::any_of(parts.begin(), parts.end(), [](auto part) { return part.empty() || part == "." || part == ".."; });
  if (strange || leaves || path.size() > limits.max_path) {
    throw Error(ErrorCode::bad_input,
                fmt::format("the archive has a file '{}', which is no path inside a folder", plain_line(path, 120)));
  }
  return path;
}

/// All members of an archive, their costs counted.
class Members {
 public:
  Members(Handle handle, const ArchiveLimits& limits, bool strict)
      : handle_(std::move(handle)), limits_(limits), strict_(strict) {}

  void read(const ChooseMember& choose, const RunControl& control, std::uint64_t packed_size) {
    archive_entry* entry = nullptr;
    while (true) {
      const int code = archive_read_next_header(handle_.get(), &entry);
      if (code == ARCHIVE_EOF) return;
      if (code != ARCHIVE_OK && code != ARCHIVE_WARN) fail(handle_.get());
      control.check();
      if (packed_size > 0) {
        control.report("unpacking",
                       static_cast<double>(archive_filter_bytes(handle_.get(), -1)) / static_cast<double>(packed_size));
      }
      if (++files_ > limits_.max_files) {
        throw Error(ErrorCode::too_large, fmt::format("the archive has more than {} files", limits_.max_files));
      }
      take(entry, choose, control);
    }
  }

 private:
  void take(archive_entry* entry, const ChooseMember& choose, const RunControl& control) {
    const auto type = archive_entry_filetype(entry);
    const bool link = archive_entry_symlink(entry) != nullptr || archive_entry_hardlink(entry) != nullptr;
    const bool plain = !link && (type == AE_IFREG || type == AE_IFDIR);
    const std::string path = checked_path(entry, limits_);
    if (archive_entry_is_encrypted(entry) != 0) {
      throw Error(ErrorCode::unsupported, fmt::format("'{}' in the archive is encrypted", path));
    }
    if (!plain && strict_) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("'{}' in the archive is a link or a device, expected plain files", path));
    }
    if (path.empty() && type == AE_IFREG && strict_) {
      throw Error(ErrorCode::bad_input, "the archive has a file whose name cannot be read");
    }
    MemberSink sink;
    if (plain && !path.empty()) {
      const bool sized = archive_entry_size_is_set(entry) != 0 && archive_entry_size(entry) > 0;
      sink = choose({.path = path,
                     .is_folder = type == AE_IFDIR,
                     .size = sized ? static_cast<std::uint64_t>(archive_entry_size(entry)) : 0,
                     .executable = (archive_entry_perm(entry) & 0100) != 0});
    }
    read_data(sink, control);
  }

  /// Reads the content also where nobody wants it: its size is known only then.
  void read_data(const MemberSink& sink, const RunControl& control) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    la_int64_t expected = 0;
    while (true) {
      const int code = archive_read_data_block(handle_.get(), &block, &size, &offset);
      if (code == ARCHIVE_EOF) return;
      if (code != ARCHIVE_OK) fail(handle_.get());
      control.check();
      bytes_ += size;
      if (bytes_ > limits_.max_bytes) {
        throw Error(ErrorCode::too_large,
                    fmt::format("the archive unpacks to more than {}", size_text(limits_.max_bytes)));
      }
      if (offset != expected) throw Error(ErrorCode::unsupported, "the archive has sparse files");
      expected += static_cast<la_int64_t>(size);
      if (sink) sink({static_cast<const std::uint8_t*>(block), size});
    }
  }

  const Handle handle_;
  const ArchiveLimits limits_;
  const bool strict_;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
};

/// A new file that is written from its beginning to its end.
class NewFile {
 public:
  NewFile(const std::filesystem::path& path, bool executable)
      : path_(path),
        file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, executable ? 0755 : 0644)) {
    if (file_) return;
    const bool twice = errno == EEXIST;
    throw Error(twice ? ErrorCode::bad_input : ErrorCode::io,
                twice ? fmt::format("the archive has '{}' twice", path_.filename().string())
                      : fmt::format("cannot write {}: {}", path_.string(), std::strerror(errno)));
  }

  void write(ByteView bytes) const { write_all(file_, bytes, path_); }

 private:
  const std::filesystem::path path_;
  const Descriptor file_;
};

void make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw Error(ErrorCode::io, fmt::format("cannot make {}: {}", folder.string(), failure.message()));
}

}  // namespace

bool looks_like_archive(ByteView bytes) {
  const auto has = [&](std::size_t at, std::string_view magic) {
    return bytes.size() >= at + magic.size() && as_text(bytes.subspan(at, magic.size())) == magic;
  };
  constexpr std::size_t tar_magic = 257;
  return has(0, "PK\x03\x04") || has(0, "\x1F\x8B") || has(0, "BZh") ||
         has(0,
             "\xFD"
             "7zXZ") ||
         has(tar_magic, "ustar");
}

void read_archive(ByteView bytes, const ArchiveLimits& limits, const ChooseMember& choose) {
  Handle handle = make_handle();
  if (archive_read_open_memory(handle.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) fail(handle.get());
  Members(std::move(handle), limits, false).read(choose, {}, 0);
}

void unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& into,
                    const ArchiveLimits& limits, const RunControl& control) {
  constexpr std::size_t block_size = 1 << 20;
  Handle handle = make_handle();
  if (archive_read_open_filename(handle.get(), archive.c_str(), block_size) != ARCHIVE_OK) fail(handle.get());
  if (!std::filesystem::create_directory(into)) {
    throw Error(ErrorCode::conflict, fmt::format("{} is there already", into.string()));
  }
  std::unique_ptr<NewFile> file;
  const auto choose = [&](const ArchiveMember& member) -> MemberSink {
    const auto path = into / member.path;
    if (member.is_folder) {
      make_folder(path);
      return {};
    }
    make_folder(path.parent_path());
    file = std::make_unique<NewFile>(path, member.executable);
    return [&file](ByteView block) { file->write(block); };
  };
  Members(std::move(handle), limits, true).read(choose, control, std::filesystem::file_size(archive));
}

}  // namespace sagittal::hub
