#include "base/bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <system_error>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"

namespace sagittal {
namespace {

[[noreturn]] void throw_system(const std::filesystem::path& path, std::string_view verb) {
  const int number = errno;
  const ErrorCode code = number == ENOENT || number == ENOTDIR ? ErrorCode::not_found : ErrorCode::io;
  const bool full = number == ENOSPC || number == EDQUOT || number == EFBIG;
  throw Error(code, fmt::format("cannot {} {}: {}", verb, path.string(),
                                full ? "the disk is full; free some space and try again"
                                     : std::generic_category().message(number)));
}

std::size_t regular_file_size(int fd, const std::filesystem::path& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) throw_system(path, "examine");
  if (!S_ISREG(info.st_mode)) throw Error(ErrorCode::bad_input, fmt::format("{} is not a file", path.string()));
  return static_cast<std::size_t>(info.st_size);
}

/// Makes a rename in `folder` last. One that may be written to but not listed cannot be synchronised.
void sync_folder(const std::filesystem::path& folder) {
  const Descriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.fd < 0 && errno == EACCES) return;
  if (file.fd < 0 || (::fsync(file.fd) != 0 && errno != EINVAL)) throw_system(folder, "write");
}

}  // namespace

void ByteReader::seek(std::size_t offset) {
  if (offset > bytes_.size()) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: offset {} lies beyond its end at {}", what_, offset, bytes_.size()));
  }
  offset_ = offset;
}

ByteView ByteReader::take(std::size_t count) {
  if (count > remaining()) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: truncated, expected {} bytes at offset {}, found {}", what_,
                                                  count, offset_, remaining()));
  }
  const ByteView view = bytes_.subspan(offset_, count);
  offset_ += count;
  return view;
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) throw_system(path, "open");
  size_ = regular_file_size(file.fd, path);
  if (size_ == 0) return;
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (mapped == MAP_FAILED) throw_system(path, "map");
  data_ = static_cast<const std::uint8_t*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

Bytes read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) throw_system(path, "open");
  const std::size_t size = regular_file_size(file.fd, path);
  if (size > max_bytes) {
    throw Error(ErrorCode::too_large, fmt::format("{} has {} bytes, the limit is {}", path.string(), size, max_bytes));
  }
  Bytes bytes(size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = ::read(file.fd, bytes.data() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_system(path, "read");
    if (count == 0) throw Error(ErrorCode::io, fmt::format("{} became shorter while it was read", path.string()));
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

void write_all(const Descriptor& file, ByteView bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file.fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw_system(path, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void write_file_atomically(const std::filesystem::path& path, ByteView bytes, unsigned mode) {
  std::filesystem::path temporary = path;
  temporary += fmt::format(".{:08x}.tmp", std::random_device{}());
  {
    const Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (file.fd < 0) throw_system(path, "write");
    try {
      write_all(file, bytes, path);
      if (::fsync(file.fd) != 0) throw_system(path, "write");
    } catch (...) {
      ::unlink(temporary.c_str());
      throw;
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int number = errno;
    ::unlink(temporary.c_str());
    errno = number;
    throw_system(path, "replace");
  }
  sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

std::string to_hex(ByteView bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::uint64_t checked_product(std::uint64_t a, std::uint64_t b, std::string_view what) {
  if (a != 0 && b > UINT64_MAX / a) {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {} x {} does not fit 64 bits", what, a, b));
  }
  return a * b;
}

}  // namespace sagittal
