#include "store/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::durable {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw Error(ErrorCode::io, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

std::string holder(int file) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(file, text.data(), text.size() - 1, 0);
  const std::string pid(text.data(), std::strspn(text.data(), "0123456789"));
  return size <= 0 || pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

void make_private_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.empty() || std::filesystem::is_directory(folder, error)) return;
  if (folder.has_relative_path()) make_private_folder(folder.parent_path());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) fail(folder, "make the data folder");
}

FolderLock::FolderLock(const std::filesystem::path& folder) {
  make_private_folder(folder);
  const auto path = folder / "lock";
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_ < 0) fail(path, "write");
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int number = errno;
    const std::string owner = holder(file_);
    ::close(file_);
    errno = number;
    if (number != EWOULDBLOCK) fail(path, "lock");
    throw Error(ErrorCode::conflict, fmt::format("the data folder {} is in use by {}; give this server another one",
                                                 folder.string(), owner));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(file_, 0) != 0 || ::pwrite(file_, pid.data(), pid.size(), 0) < 0) {
    // Only the name in another process' error message is missing.
  }
}

FolderLock::~FolderLock() { ::close(file_); }

}  // namespace sagittal::durable
