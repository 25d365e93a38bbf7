#pragma once
#include <filesystem>
#include <string>

#include "store/folder_lock.h"

namespace sagittal::hub {

/// This process as the one that runs jobs of a data folder: a name, and a lock that the system ends with the process.
class Holder {
 public:
  /// `folder`: of all holders. Error(io).
  explicit Holder(const std::filesystem::path& folder);
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder();

  /// "<machine since its start>-<random>".
  const std::string& name() const { return name_; }

 private:
  const std::filesystem::path folder_;
  const std::string name_;
  const durable::FolderLock lock_;
};

/// Begins the names of all holders of this machine, until it starts anew.
std::string machine_name();

/// Whether the holder of that name is certainly gone: it was of this machine and its lock is free. Others, of another
/// machine or before this one's last start, can be told by their leases only.
bool is_gone(const std::filesystem::path& folder, const std::string& name);

}  // namespace sagittal::hub
