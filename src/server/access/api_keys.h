#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace sagittal::server {

/// One person's key, as the file holds it. The key itself is nowhere: it has 256 random bits, so its SHA-256 is as hard
/// to turn back as the key is to guess.
struct ApiKey {
  std::string name;
  std::array<std::uint8_t, 32> sha256{};
  std::string created;  ///< UTC, "2026-11-21T14:00:00Z"
};

/// The file of API keys: JSON that only its owner may read, replaced as a whole. Several processes may change it.
class ApiKeyFile {
 public:
  explicit ApiKeyFile(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path& path() const { return path_; }
  bool exists() const;

  /// A new key for `name`: letters, digits, `-_.@`, up to 64. Makes the file and its folder where there is none. Throws
  /// Error(conflict) where the name has one already.
  std::string add(const std::string& name);
  /// Error(not_found) where there is no such name.
  void revoke(const std::string& name);
  /// By name. Throws Error(io) for a file that is not there or that others may write, Error(bad_input) for a broken
  /// one.
  std::vector<ApiKey> read() const;

 private:
  void change(const std::function<void(std::vector<ApiKey>&)>& edit);
  void write(const std::vector<ApiKey>& keys) const;

  std::filesystem::path path_;
};

/// The keys of a running server. Follows changes of the file within a second; while the file cannot be read, no key is
/// good. Any thread.
class ApiKeys {
 public:
  /// Throws what `ApiKeyFile::read` throws. `log` hears of files that cannot be read later.
  explicit ApiKeys(std::filesystem::path path, LogSink log = {});

  /// Whose key this is; nothing for one that is not known. Takes the same time for every wrong key.
  std::optional<std::string> owner_of(std::string_view key);
  std::size_t count();

 private:
  struct Stamp {
    std::int64_t seconds = 0, nanoseconds = 0;
    std::uint64_t inode = 0, size = 0;
    bool operator==(const Stamp&) const = default;
  };
  Stamp stamp() const;
  void refresh();

  const ApiKeyFile file_;
  const LogSink log_;
  std::mutex mutex_;
  std::vector<ApiKey> keys_;  // guarded by mutex_, as all below
  Stamp seen_;
  std::chrono::steady_clock::time_point looked_;
};

}  // namespace sagittal::server
