#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/api/volume_info.h"
#include "server/http/request.h"
#include "server/state/session_journal.h"

namespace sagittal::server {

struct ShelfLimits {
  std::uint64_t max_file_bytes = std::uint64_t{4} << 30;    ///< of one file, and of its voxels unpacked
  std::uint64_t max_memory_bytes = std::uint64_t{4} << 30;  ///< of all files, where they are kept in memory
  std::size_t max_per_owner = 256;                          ///< files
  std::size_t max_uploads_per_owner = 8;                    ///< not complete yet
  std::chrono::seconds keep_for{86400};
};

/// Who asks: the owner of the key, and where there are no keys an address, which decides nothing but what is listed.
struct Caller {
  std::string owner;
  std::string address;
};
inline Caller caller_of(const http::Request& request) {
  return {request.owner, request.owner.empty() ? request.remote_address : std::string()};
}

/// An uploaded file that is open: it stays what it is while this lives.
struct OpenVolume {
  VolumeInfo info;
  durable::Volumes::Pin kept;  ///< the file in the store; null where all is in memory
  ByteView bytes;
  std::shared_ptr<const void> memory;  ///< owner of `bytes`
};

/// Uploaded image files by their SHA-256, apart for each owner; with a journal on the disk. The longest unused ones
/// make room, and are gone after `keep_for`; a session that was made from a file keeps it for itself. Any thread.
class VolumeShelf {
 public:
  /// `journal`: null keeps all in memory; it and `pool` must outlive this. Files in the journal are found again.
  VolumeShelf(SessionJournal* journal, ThreadPool& pool, const ShelfLimits& limits);

  struct Added {
    VolumeInfo info;
    bool is_new = false;
  };
  /// Asked for the owner of a file's bytes where they are kept in memory.
  using BytesOwner = std::function<std::shared_ptr<const void>()>;

  /// Reads the file and keeps it: it is on the disk when this returns. `expected_id`: empty, or the hash that its
  /// client told, else Error(unsupported). Error(bad_input | unsupported | too_large) for what is no image, Error(io)
  /// for a full disk.
  Added add(const Caller& caller, const std::string& name, const std::string& expected_id, ByteView file,
            const BytesOwner& owner_of_bytes);

  /// Error(not_found) where there is none of that owner.
  VolumeInfo info(const std::string& owner, const std::string& id) const;
  bool has(const std::string& owner, const std::string& id) const;
  std::vector<VolumeInfo> list(const Caller& caller) const;
  /// A use of it. Error(not_found), and Error(bad_input) where the disk has damaged it.
  OpenVolume open(const std::string& owner, const std::string& id);
  /// It is in use; nothing where there is none.
  void touch(const std::string& owner, const std::string& id);
  void remove(const std::string& owner, const std::string& id);

  /// How the bytes of an open volume are read.
  io::ReadOptions read_options() const;
  const ShelfLimits& limits() const { return limits_; }

  /// To be called every few seconds: tells the journal when files were used, ends those over their time.
  void sweep();

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct File {
    Caller caller;
    VolumeInfo info;
    std::string kept;                    ///< name in the store; empty: in memory
    ByteView bytes;                      ///< in memory
    std::shared_ptr<const void> memory;  ///< owner of `bytes`
    Time used;
  };
  using Files = std::map<std::string, File>;

  void restore();
  void keep(const std::string& key, File& file, const durable::Volumes::Pin& pin);
  void make_room(const Caller& caller, std::uint64_t bytes);
  Files::iterator oldest(const std::string* owner);
  void erase(Files::iterator file);
  const File& find(const std::string& owner, const std::string& id) const;
  File& find(const std::string& owner, const std::string& id);

  SessionJournal* const journal_;
  ThreadPool& pool_;
  const ShelfLimits limits_;
  mutable std::mutex mutex_;
  Files files_;  // by owner and id; guarded by mutex_
};

}  // namespace sagittal::server
