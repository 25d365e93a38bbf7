#include "hub/runners/control_group.h"

#include <signal.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"

namespace sagittal::hub {
namespace {

using std::filesystem::path;

std::string text_of(const path& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

bool write(const path& file, const std::string& text) {
  std::ofstream stream(file);
  stream << text << std::flush;
  return stream.good();
}

/// The number behind `key` in a file of "key number" lines; 0 without one.
long count_in(const path& file, const std::string& key) {
  std::istringstream lines(text_of(file));
  std::string word;
  long number = 0;
  while (lines >> word >> number) {
    if (word == key) return number;
  }
  return 0;
}

/// The group of this process for a controller of cgroups 1, or with an empty name of cgroups 2, relative to its root.
std::optional<std::string> own_group(const std::string& controller) {
  const std::string all = text_of("/proc/self/cgroup");
  for (const std::string_view line : split(all, '\n')) {
    const auto parts = split(line, ':');
    if (parts.size() < 3) continue;
    for (const std::string_view name : split(parts[1], ',')) {
      if (name == controller) return std::string(line.substr(parts[0].size() + parts[1].size() + 2));
    }
  }
  return std::nullopt;
}

path below(const path& root, const std::string& group) { return root / path(group).relative_path(); }

std::string cpu_quota(double cpus) { return fmt::format("{}", std::lround(cpus * 100'000)); }

}  // namespace

std::optional<ControlGroup> ControlGroup::make(const std::string& name, const Limits& limits, const path& root) {
  const auto add = [](ControlGroup& group, const path& folder) {
    std::error_code failure;
    if (!std::filesystem::create_directory(folder, failure)) return false;
    group.folders_.push_back(folder);
    return true;
  };
  ControlGroup group;
  if (std::filesystem::exists(root / "cgroup.controllers")) {
    const auto own = own_group("");
    if (!own) return std::nullopt;
    // A group with processes may not give controllers to groups below it, so the new one is made beside our own.
    const path folder = below(root, *own).parent_path() / folder_name(name);
    group.unified_ = true;
    if (!add(group, folder) || !write(folder / "memory.max", fmt::format("{}", limits.memory_bytes)) ||
        !write(folder / "pids.max", fmt::format("{}", limits.processes))) {
      return std::nullopt;
    }
    write(folder / "memory.swap.max", "0");
    write(folder / "cpu.max", cpu_quota(limits.cpus) + " 100000");
    return group;
  }
  const auto join = [&](const std::string& controller) -> std::optional<path> {
    const auto own = own_group(controller);
    if (!own) return std::nullopt;
    const path folder = below(root / controller, *own) / folder_name(name);
    return add(group, folder) ? std::optional(folder) : std::nullopt;
  };
  const auto memory = join("memory"), processes = join("pids");
  if (!memory || !processes) return std::nullopt;
  if (!write(*memory / "memory.limit_in_bytes", fmt::format("{}", limits.memory_bytes)) ||
      !write(*processes / "pids.max", fmt::format("{}", limits.processes))) {
    return std::nullopt;
  }
  write(*memory / "memory.memsw.limit_in_bytes", fmt::format("{}", limits.memory_bytes));
  if (const auto cpu = join("cpu")) write(*cpu / "cpu.cfs_quota_us", cpu_quota(limits.cpus));
  return group;
}

std::optional<ControlGroup> ControlGroup::find(const std::string& name, const path& root) {
  ControlGroup group;
  const auto add = [&](const path& folder) {
    if (std::filesystem::is_directory(folder)) group.folders_.push_back(folder);
  };
  group.unified_ = std::filesystem::exists(root / "cgroup.controllers");
  if (group.unified_) {
    if (const auto own = own_group("")) add(below(root, *own).parent_path() / folder_name(name));
  } else {
    for (const char* controller : {"memory", "pids", "cpu"}) {
      if (const auto own = own_group(controller)) add(below(root / controller, *own) / folder_name(name));
    }
  }
  return group.folders_.empty() ? std::nullopt : std::optional(std::move(group));
}

ControlGroup::~ControlGroup() {
  for (const path& folder : folders_) {
    std::error_code failure;
    for (int attempt = 0; attempt < 100; ++attempt) {
      std::istringstream numbers(text_of(folder / "cgroup.procs"));
      for (pid_t process = 0; numbers >> process;) ::kill(process, SIGKILL);
      if (std::filesystem::remove(folder, failure) || !std::filesystem::exists(folder, failure)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

std::vector<std::string> ControlGroup::join_files() const {
  std::vector<std::string> files;
  for (const path& folder : folders_) files.push_back((folder / "cgroup.procs").string());
  return files;
}

bool ControlGroup::ran_out_of_memory() const {
  for (const path& folder : folders_) {
    if (count_in(folder / (unified_ ? "memory.events" : "memory.oom_control"), "oom_kill") > 0) return true;
  }
  return false;
}

}  // namespace sagittal::hub
