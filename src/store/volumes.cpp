#include "store/volumes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"

namespace sagittal::durable {
namespace {

constexpr int kMaxSameHash = 16;

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  if (errno == ENOENT) throw Error(ErrorCode::not_found, fmt::format("{} is missing", path.string()));
  throw Error(ErrorCode::io, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

std::string hash_of(ByteView bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

Buffer read_all(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status {};
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) fail(path, "read");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::bad_input, fmt::format("{} is no file", path.string()));
  if (size > max_bytes) {
    throw Error(ErrorCode::too_large, fmt::format("{} has {} bytes, at most {} fit", path.string(), size, max_bytes));
  }
  Buffer bytes(static_cast<std::size_t>(size));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::read(file.fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path, "read");
    if (count == 0) throw Error(ErrorCode::bad_input, fmt::format("{} became shorter", path.string()));
    done += static_cast<std::size_t>(count);
  }
  return bytes;
}

ByteView view(const Buffer& bytes) { return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}; }

bool is_name(const std::string& name) {
  return name.size() >= 32 && name.find_first_not_of("0123456789abcdef-") == std::string::npos;
}

}  // namespace

Volumes::Volumes(std::filesystem::path folder) : folder_(std::move(folder)) {
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) fail(folder_, "make the folder");
  if (::chmod(folder_.c_str(), 0700) != 0) fail(folder_, "close to others");
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (entry.path().extension() == ".tmp") ::unlink(entry.path().c_str());
  }
}

Volumes::Pin Volumes::pin(const std::string& name) {
  const std::lock_guard lock(pins_->mutex);
  ++pins_->count[name];
  return {new std::string(name), [pins = pins_](const std::string* pinned) {
            const std::lock_guard unpin(pins->mutex);
            if (--pins->count[*pinned] == 0) pins->count.erase(*pinned);
            delete pinned;
          }};
}

Volumes::Pin Volumes::put(ByteView bytes) {
  const std::string hash = hash_of(bytes);
  for (int n = 0; n < kMaxSameHash; ++n) {
    const std::string name = n == 0 ? hash : fmt::format("{}-{}", hash, n);
    Pin pinned = pin(name);
    if (::access((folder_ / name).c_str(), F_OK) != 0) {
      if (make_room_) make_room_(bytes.size());
      write(name, bytes);
      return pinned;
    }
    if (replace_if_broken(name, bytes)) return pinned;
  }
  throw Error(ErrorCode::conflict, "too many images with the same hash");
}

/// A hash that can be forged decides nothing: whether the file holds `bytes`. One that does not hold what its name says
/// is written anew.
bool Volumes::replace_if_broken(const std::string& name, ByteView bytes) {
  bool intact = false;
  try {
    const Buffer found = read_all(folder_ / name, bytes.size());
    if (found.size() == bytes.size() && std::equal(bytes.begin(), bytes.end(), view(found).begin())) return true;
    intact = hash_of(view(found)) == name.substr(0, hash_of({}).size());
  } catch (const Error& error) {
    if (error.code() == ErrorCode::too_large) return false;
    if (error.code() != ErrorCode::bad_input && error.code() != ErrorCode::not_found) throw;
  }
  if (!intact) write(name, bytes);
  return !intact;
}

void Volumes::write(const std::string& name, ByteView bytes) {
  try {
    write_file_atomically(folder_ / name, bytes, S_IRUSR | S_IWUSR);
  } catch (Error& error) {
    throw error.within("the image was not kept");
  }
}

Buffer Volumes::get(const std::string& name, std::uint64_t max_bytes) const {
  if (!is_name(name)) throw Error(ErrorCode::bad_input, fmt::format("'{}' is no name of a volume", name));
  Buffer bytes = read_all(folder_ / name, max_bytes);
  if (!name.starts_with(hash_of(view(bytes)))) {
    throw Error(ErrorCode::bad_input, fmt::format("{} is damaged", (folder_ / name).string()));
  }
  return bytes;
}

void Volumes::remove(const std::string& name) {
  const std::lock_guard lock(pins_->mutex);
  if (is_name(name) && !pins_->count.contains(name)) ::unlink((folder_ / name).c_str());
}

std::uint64_t Volumes::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    std::error_code gone;  // meanwhile
    const auto size = entry.file_size(gone);
    if (!gone) sum += size;
  }
  return sum;
}

std::vector<std::string> Volumes::names() const {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (is_name(entry.path().filename().string())) found.push_back(entry.path().filename().string());
  }
  return found;
}

}  // namespace sagittal::durable
