#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/log.h"
#include "store/database.h"
#include "store/folder_lock.h"
#include "store/volumes.h"

namespace sagittal::durable {

/// Something that is kept: what its owner says of it, the volume it belongs to, and a log of records.
struct Entry {
  std::string name = {};
  std::string kind = {};
  std::string head = {};       ///< the owner's own text
  std::string note = {};       ///< more of it, which may be changed alone
  std::string volume = {};     ///< a name in `volumes()`; empty: none
  std::int64_t used_ms = 0;    ///< on the store's clock
  std::int64_t active_ms = 0;  ///< on the store's clock
};

/// What survives the process: `state.db`, `volumes/` and `lock` in a folder that one process has at a time. A write is
/// on the disk when the call returns, and happened completely or not at all. Error(io) for a full or failing disk,
/// Error(bad_input) for what is damaged, Error(conflict) for a folder that another process has. Any thread.
class Store {
 public:
  /// A database that cannot be opened is put aside as `state.db.damaged-<time>` and told to `log`; volumes that belong
  /// to nothing are removed.
  explicit Store(const std::filesystem::path& folder, const LogSink& log = {});

  /// Milliseconds that stores lived in this folder: the clock stands still while no process has it. It may lose what
  /// passed since the last `tick`.
  std::int64_t now_ms() const;
  void tick();

  Volumes& volumes() { return volumes_; }

  /// Of all volumes and of the database without what it will use again.
  std::uint64_t bytes() const;

  /// Without the records.
  std::vector<Entry> entries() const;
  std::optional<Entry> find(const std::string& name) const;
  /// Names of entries with a volume that begin with `prefix`, in order.
  std::vector<std::string> with_volume(const std::string& prefix) const;
  /// In the order they were written. Error(bad_input) where one is not what was written.
  std::vector<Bytes> records(const std::string& name) const;

  enum class Records { keep, replace };
  /// Writes the entry, drops its records where they are to be replaced, and appends `record` unless that is empty. A
  /// volume that belongs to nothing any more is removed.
  void write(const Entry& entry, Records records, ByteView record);
  /// Nothing where there is no such entry.
  void set_note(const std::string& name, const std::string& note);
  void erase(const std::string& name);
  /// Removes a volume that belongs to nothing.
  void discard(const std::string& volume);

  struct Use {
    std::string name;
    std::int64_t used_ms, active_ms;
  };
  /// All at once, and a tick; nothing for entries that there are not, or of another kind.
  void touch(const std::string& kind, const std::vector<Use>& uses);
  std::vector<std::string> unused_since(const std::string& kind, std::int64_t ms) const;

 private:
  void create_tables();
  void write_clock();
  void remove_if_unused(const std::string& volume);
  std::string volume_of(const std::string& name) const;

  const FolderLock lock_;
  mutable std::mutex mutex_;
  std::unique_ptr<Database> database_;  // guarded by mutex_
  Volumes volumes_;
  std::int64_t clock_base_ms_ = 0;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace sagittal::durable
