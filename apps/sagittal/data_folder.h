#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "base/log.h"
#include "base/thread_pool.h"
#include "server/state/session_journal.h"

namespace sagittal {

/// What stands for no folder on the command line: everything is in memory.
inline constexpr const char* kNoFolder = "none";

/// Where a server keeps its sessions, or nowhere.
class DataFolder {
 public:
  /// Throws Error(conflict | io) that says how to start all the same.
  DataFolder(const std::filesystem::path& folder, ThreadPool& pool, const LogSink& log);

  /// `make_room` is asked before each new image, with its size.
  void limit(std::function<void(std::uint64_t)> make_room) const;

  /// Null: in memory only.
  server::SessionJournal* journal() const { return journal_.get(); }

 private:
  std::unique_ptr<durable::Store> store_;
  std::unique_ptr<server::SessionJournal> journal_;
};

}  // namespace sagittal
