#include "hub/image/rooted_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/plain_text.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMaxPath = 4000;
constexpr int kMaxDepth = 200;
constexpr unsigned kFilePermissions = 0755, kFolderPermissions = 01777;
constexpr unsigned kOwnFile = 0600, kOwnFolder = 0700;  // later layers and removal need them

[[noreturn]] void refuse(std::string_view path, std::string_view why) {
  throw Error(ErrorCode::bad_input, fmt::format("'{}' in the image {}", plain_line(path, 200), why));
}

[[noreturn]] void fail(std::string_view path) {
  const int number = errno;
  if (number == ENOTDIR || number == ELOOP || number == ENAMETOOLONG || number == EXDEV) {
    refuse(path, "lies below something that is no folder of it");
  }
  throw Error(ErrorCode::io, fmt::format("cannot unpack '{}': {}", plain_line(path, 200), std::strerror(number)));
}

std::vector<std::string_view> parts_of(std::string_view path) {
  const auto parts = split(path, '/');
  const bool plain = std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
    return !part.empty() && part != "." && part != ".." && part.find('\0') == std::string_view::npos;
  });
  if (!plain || path.size() > kMaxPath || parts.size() > kMaxDepth) refuse(path, "is no path inside a folder");
  return parts;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::vector<std::string> names_in(const Descriptor& folder) {
  const int own = ::openat(folder.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) fail(".");
  const std::unique_ptr<DIR, CloseFolder> list(::fdopendir(own));
  if (!list) fail(".");
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(list.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  return names;
}

/// Never through a link.
void remove_tree(const Descriptor& folder, const std::string& name, int depth = 0) {
  if (::unlinkat(folder.fd, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) fail(name);
  {
    const Descriptor inside(::openat(folder.fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!inside || depth > kMaxDepth) fail(name);
    for (const std::string& one : names_in(inside)) remove_tree(inside, one, depth + 1);
  }
  if (::unlinkat(folder.fd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) fail(name);
}

bool is_folder(const Descriptor& folder, const std::string& name) {
  struct stat info {};
  return ::fstatat(folder.fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

RootedFolder::RootedFolder(const std::filesystem::path& folder)
    : root_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!root_) fail(folder.string());
  if (!open(".", O_RDONLY | O_DIRECTORY) && (errno == ENOSYS || errno == EPERM)) {
    throw Error(ErrorCode::unsupported, "unpacking images needs Linux 5.6 or newer (openat2)");
  }
}

Descriptor RootedFolder::open(std::string_view path, int flags) const {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const std::string text(path);
  return Descriptor(static_cast<int>(::syscall(SYS_openat2, root_.fd, text.c_str(), &how, sizeof(how))));
}

Descriptor RootedFolder::open_folder(std::string_view path) {
  if (Descriptor there = open(path, O_RDONLY | O_DIRECTORY)) return there;
  if (errno != ENOENT) fail(path);
  const Place place = place_of(path);
  if (::mkdirat(place.folder.fd, place.name.c_str(), 0755) != 0) {
    if (errno == EEXIST) refuse(path, "is a link that leads nowhere");
    fail(path);
  }
  Descriptor made = open(path, O_RDONLY | O_DIRECTORY);
  if (!made) fail(path);
  return made;
}

RootedFolder::Place RootedFolder::place_of(std::string_view path) {
  const auto parts = parts_of(path);
  const std::string_view above = path.substr(0, path.size() - parts.back().size());
  return {above.empty() ? open(".", O_RDONLY | O_DIRECTORY) : open_folder(above.substr(0, above.size() - 1)),
          std::string(parts.back())};
}

Descriptor RootedFolder::make_file(std::string_view path, unsigned mode) {
  const Place place = place_of(path);
  remove_tree(place.folder, place.name);
  const unsigned permissions = (mode & kFilePermissions) | kOwnFile;
  Descriptor file(
      ::openat(place.folder.fd, place.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, permissions));
  if (!file) fail(path);
  return file;
}

void RootedFolder::make_folder(std::string_view path, unsigned mode) {
  const Place place = place_of(path);
  const unsigned permissions = (mode & kFolderPermissions) | kOwnFolder;
  if (!is_folder(place.folder, place.name)) {
    remove_tree(place.folder, place.name);
    if (::mkdirat(place.folder.fd, place.name.c_str(), kOwnFolder) != 0) fail(path);
  }
  if (::fchmodat(place.folder.fd, place.name.c_str(), permissions, 0) != 0) fail(path);
}

void RootedFolder::make_if_absent(std::string_view path, bool is_folder) {
  if (open(path, O_PATH)) return;
  if (is_folder) {
    open_folder(path);
  } else {
    make_file(path, 0644);
  }
}

void RootedFolder::make_link(std::string_view path, const std::string& target) {
  const Place place = place_of(path);
  if (target.empty() || target.size() > kMaxPath) refuse(path, "is a link to nowhere");
  remove_tree(place.folder, place.name);
  if (::symlinkat(target.c_str(), place.folder.fd, place.name.c_str()) != 0) fail(path);
}

void RootedFolder::make_hard_link(std::string_view path, std::string_view target) {
  const Place place = place_of(path);
  const Place source = place_of(target);
  struct stat info {};
  if (::fstatat(source.folder.fd, source.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(info.st_mode)) {
    refuse(path, "is a second name of a file that is not there");
  }
  struct stat old {};
  const bool same = ::fstatat(place.folder.fd, place.name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0 &&
                    old.st_ino == info.st_ino && old.st_dev == info.st_dev;
  if (same) return;
  remove_tree(place.folder, place.name);
  if (::linkat(source.folder.fd, source.name.c_str(), place.folder.fd, place.name.c_str(), 0) != 0) {
    fail(path);
  }
}

void RootedFolder::remove(std::string_view path) {
  const auto parts = parts_of(path);
  const std::string above(path.substr(0, path.size() - parts.back().size()));
  const Descriptor folder = open(above.empty() ? "." : above, O_RDONLY | O_DIRECTORY);
  if (folder) remove_tree(folder, std::string(parts.back()));
}

void RootedFolder::clear(std::string_view folder, const std::function<bool(const std::string&)>& keep) {
  if (!folder.empty()) parts_of(folder);
  const Descriptor inside = open(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  if (inside) clear(inside, folder.empty() ? "" : std::string(folder) + "/", keep);
}

void RootedFolder::clear(const Descriptor& folder, const std::string& prefix,
                         const std::function<bool(const std::string&)>& keep) {
  for (const std::string& name : names_in(folder)) {
    if (!keep(prefix + name)) {
      remove_tree(folder, name);
    } else if (is_folder(folder, name)) {
      const Descriptor inside(::openat(folder.fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (inside) clear(inside, prefix + name + "/", keep);
    }
  }
}

void set_time(const Descriptor& file, std::time_t seconds) {
  const std::array<timespec, 2> times{timespec{seconds, 0}, timespec{seconds, 0}};
  ::futimens(file.fd, times.data());
}

}  // namespace sagittal::hub
