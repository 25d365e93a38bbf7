#include "server/access/api_keys.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/base64.h"
#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "net/sha256.h"

namespace sagittal::server {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxName = 64;
constexpr std::string_view kKeyMark = "sgt_";  // lets people and scanners of repositories recognise a key
constexpr std::chrono::milliseconds kLookAgain{500};

using Digest = net::Sha256;

/// 256 random bits that may stand in a URL.
std::string random_key() {
  std::string text = encode_base64(random_bytes(32));
  while (text.ends_with('=')) text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return std::string(kKeyMark) + text;
}

void require_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '@';
  };
  if (!name.empty() && name.size() <= kMaxName && std::all_of(name.begin(), name.end(), allowed)) return;
  throw Error(ErrorCode::bad_input,
              fmt::format("the name of a key has 1 to {} letters, digits or -_.@; found \"{}\"", kMaxName, name));
}

Digest from_hex(std::string_view text) {
  Digest digest{};
  if (!net::is_sha256_hex(text)) throw Error(ErrorCode::bad_input, "sha256: expected 64 hexadecimal digits");
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(value(text[2 * i]) * 16 + value(text[2 * i + 1]));
  }
  return digest;
}

[[noreturn]] void throw_errno(const std::filesystem::path& path, std::string_view what) {
  throw Error(ErrorCode::io, fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

std::vector<ApiKey> parse_keys(std::string_view text) {
  const Json json = parse_json(text, "API keys");
  if (!json.is_object() || json_get<int>(json, "version", "API keys") != 1) {
    throw Error(ErrorCode::bad_input, "expected version 1 of a file that `sagittal key` writes");
  }
  std::vector<ApiKey> keys;
  for (const Json& row : json_get<Json>(json, "keys", "API keys")) {
    ApiKey key{json_get<std::string>(row, "name", "API key"), from_hex(json_get<std::string>(row, "sha256", "API key")),
               json_get<std::string>(row, "created", "API key")};
    require_name(key.name);
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace

bool ApiKeyFile::exists() const {
  std::error_code failure;
  return std::filesystem::exists(path_, failure);
}

std::vector<ApiKey> ApiKeyFile::read() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    if (errno != ENOENT) throw_errno(path_, "cannot be read");
    throw Error(ErrorCode::io,
                fmt::format("there is no key file {}; `sagittal key add NAME --api-key-file {}` makes it",
                            path_.string(), path_.string()));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw Error(ErrorCode::io, fmt::format("{}: others may write to it, and so let themselves in; `chmod 600 {}`",
                                           path_.string(), path_.string()));
  }
  const Bytes text = read_file(path_, kMaxFileBytes);
  try {
    std::vector<ApiKey> keys = parse_keys(as_text(text));
    std::sort(keys.begin(), keys.end(), [](const ApiKey& a, const ApiKey& b) { return a.name < b.name; });
    return keys;
  } catch (Error& error) {
    throw error.within(path_.string());
  }
}

std::string ApiKeyFile::add(const std::string& name) {
  require_name(name);
  const std::string key = random_key();
  change([&](std::vector<ApiKey>& keys) {
    if (std::any_of(keys.begin(), keys.end(), [&](const ApiKey& other) { return other.name == name; })) {
      throw Error(ErrorCode::conflict,
                  fmt::format("{} has a key already; `sagittal key revoke {}` takes it away", name, name));
    }
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    keys.push_back({name, net::sha256(as_bytes(key)), fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now))});
  });
  return key;
}

void ApiKeyFile::revoke(const std::string& name) {
  if (!exists()) read();
  change([&](std::vector<ApiKey>& keys) {
    if (std::erase_if(keys, [&](const ApiKey& key) { return key.name == name; }) == 0) {
      throw Error(ErrorCode::not_found, fmt::format("{} has no key in {}", name, path_.string()));
    }
  });
}

/// The folder is locked meanwhile: the file itself is replaced.
void ApiKeyFile::change(const std::function<void(std::vector<ApiKey>&)>& edit) {
  const std::filesystem::path folder = folder_of(path_);
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  const Descriptor lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.fd < 0 || ::flock(lock.fd, LOCK_EX) != 0) throw_errno(folder, "cannot be locked");
  std::vector<ApiKey> keys;
  if (exists()) keys = read();
  edit(keys);
  write(keys);
}

void ApiKeyFile::write(const std::vector<ApiKey>& keys) const {
  Json rows = Json::array();
  for (const ApiKey& key : keys) {
    rows.push_back({{"name", key.name}, {"sha256", to_hex(key.sha256)}, {"created", key.created}});
  }
  const std::string text = Json{{"version", 1}, {"keys", rows}}.dump(1) + "\n";
  write_file_atomically(path_, as_bytes(text), S_IRUSR | S_IWUSR);
  struct stat folder {};
  if (::geteuid() != 0 || ::stat(folder_of(path_).c_str(), &folder) != 0 || folder.st_uid == 0) return;
  // An administrator made it, a service reads it.
  if (::chown(path_.c_str(), folder.st_uid, folder.st_gid) != 0)
    throw_errno(path_, "cannot be given to its folder's owner");
}

ApiKeys::ApiKeys(std::filesystem::path path, LogSink log) : file_(std::move(path)), log_(std::move(log)) {
  seen_ = stamp();
  keys_ = file_.read();
  looked_ = std::chrono::steady_clock::now();
}

ApiKeys::Stamp ApiKeys::stamp() const {
  struct stat status {};
  if (::stat(file_.path().c_str(), &status) != 0) return {};
  return {status.st_ctim.tv_sec, status.st_ctim.tv_nsec, status.st_ino, static_cast<std::uint64_t>(status.st_size)};
}

void ApiKeys::refresh() {
  const auto now = std::chrono::steady_clock::now();
  if (now - looked_ < kLookAgain) return;
  looked_ = now;
  const Stamp found = stamp();
  if (found == seen_) return;
  seen_ = found;
  keys_.clear();
  try {
    keys_ = file_.read();
  } catch (const Error& error) {
    if (log_) log_(LogLevel::error, fmt::format("nobody is let in until the key file is mended: {}", error.what()));
  }
}

std::optional<std::string> ApiKeys::owner_of(std::string_view key) {
  const Digest digest = net::sha256(as_bytes(key));
  const std::lock_guard lock(mutex_);
  refresh();
  const ApiKey* found = nullptr;
  for (const ApiKey& candidate : keys_) {
    if (CRYPTO_memcmp(candidate.sha256.data(), digest.data(), digest.size()) == 0) found = &candidate;
  }
  if (found == nullptr) return std::nullopt;
  return found->name;
}

std::size_t ApiKeys::count() {
  const std::lock_guard lock(mutex_);
  refresh();
  return keys_.size();
}

}  // namespace sagittal::server
