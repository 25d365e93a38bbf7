#pragma once
#include <filesystem>

namespace sagittal::durable {

/// Makes a folder, and those above it that are missing; only their owner may enter what is made. Error(io).
void make_private_folder(const std::filesystem::path& folder);

/// Makes a folder of this process: only its owner may enter a folder made here. While the object lives no other process
/// can have it; the system ends the lock with the process, however that dies.
class FolderLock {
 public:
  /// Throws Error(conflict) that names the process that has the folder, Error(io) where it cannot be written to.
  explicit FolderLock(const std::filesystem::path& folder);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

 private:
  int file_ = -1;
};

}  // namespace sagittal::durable
