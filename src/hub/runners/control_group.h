#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// Memory, processor and process limits for a whole tree of processes (cgroups 1 and 2). Owner: kills and removes
/// what is left. Source: Linux's admin-guide/cgroup-v2 and cgroup-v1.
class ControlGroup {
 public:
  /// Nothing where this process may not make one with a memory and a process limit.
  static std::optional<ControlGroup> make(const std::string& name, const Limits& limits,
                                          const std::filesystem::path& root = "/sys/fs/cgroup");
  /// The one of that name that another program made and filled beside this process; nothing where there is none.
  static std::optional<ControlGroup> find(const std::string& name,
                                          const std::filesystem::path& root = "/sys/fs/cgroup");
  /// What the folder of a run's group is called.
  static std::string folder_name(const std::string& name) { return "sagittal-" + name; }

  ControlGroup(ControlGroup&& other) noexcept : folders_(std::move(other.folders_)), unified_(other.unified_) {
    other.folders_.clear();
  }
  ControlGroup& operator=(ControlGroup&&) = delete;
  ControlGroup(const ControlGroup&) = delete;
  ~ControlGroup();

  /// Files into which a process that is to be limited writes its number.
  std::vector<std::string> join_files() const;
  /// Whether the kernel ended a process for want of memory.
  bool ran_out_of_memory() const;

 private:
  ControlGroup() = default;
  std::vector<std::filesystem::path> folders_;
  bool unified_ = false;
};

}  // namespace sagittal::hub
