#include "hub/runners/bubblewrap.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/runners/control_group.h"
#include "hub/runners/process.h"

namespace sagittal::hub {
namespace {

using Arguments = std::vector<std::string>;

void append(Arguments& all, const Arguments& more) { all.insert(all.end(), more.begin(), more.end()); }

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kCannotJoin = 121;  // of the script below

/// Joins the control groups, or limits what it becomes by itself; then becomes the command. $1: how many groups follow;
/// behind them the limit of memory in KiB and of processes, which shells call -u or -p.
constexpr const char* kEnter =
    "n=$1; shift; g=$n; while [ $g -gt 0 ]; do echo $$ >\"$1\" || exit 121; shift; g=$((g-1)); done; "
    "if [ $n -eq 0 ]; then ulimit -v \"$1\"; ulimit -u \"$2\" 2>/dev/null || ulimit -p \"$2\" || exit 121; fi; ulimit "
    "-c 0; shift 2; exec \"$@\"";

/// Threads of this user, which count for the limit of processes while bubblewrap itself starts.
std::uint64_t threads_of_user() {
  std::uint64_t count = 0;
  std::error_code gone;
  for (const auto& process : std::filesystem::directory_iterator("/proc", gone)) {
    struct stat owner {};
    if (::stat(process.path().c_str(), &owner) != 0 || owner.st_uid != ::geteuid()) continue;
    for (std::filesystem::directory_iterator task(process.path() / "task", gone), end; !gone && task != end;
         task.increment(gone)) {
      ++count;
    }
  }
  return count;
}

std::uint64_t process_limit(int processes) {
  rlimit own{};
  ::getrlimit(RLIMIT_NPROC, &own);
  return std::min<std::uint64_t>(own.rlim_max, threads_of_user() + static_cast<std::uint64_t>(processes));
}

Arguments entered(const std::optional<ControlGroup>& group, const Limits& limits, const Arguments& command) {
  const Arguments groups = group ? group->join_files() : Arguments{};
  Arguments all{"/bin/sh", "-c", kEnter, "sh", fmt::format("{}", groups.size())};
  append(all, groups);
  append(all, {fmt::format("{}", limits.memory_bytes >> 10),
               fmt::format("{}", group ? 0 : process_limit(limits.processes))});
  append(all, command);
  return all;
}

/// Where root, even without rights, could change or read the host through /proc: the lists of runc
/// (libcontainer/specconv).
Arguments closed_parts_of(const std::filesystem::path& proc) {
  Arguments all;
  const auto close = [&](const char* name, const std::string& with) {
    if (std::filesystem::exists(proc / name)) append(all, {"--ro-bind", with, std::string("/proc/") + name});
  };
  for (const char* name : {"bus", "fs", "irq", "sys", "sysrq-trigger"}) close(name, (proc / name).string());
  for (const char* name : {"kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug"}) {
    close(name, "/dev/null");
  }
  for (const char* name : {"acpi", "asound", "scsi"}) {
    if (std::filesystem::exists(proc / name)) append(all, {"--tmpfs", std::string("/proc/") + name});
  }
  return all;
}

}  // namespace

std::vector<std::string> bubblewrap_arguments(const SandboxJob& job, const std::filesystem::path& proc,
                                              const GpuAccess& gpus) {
  return bubblewrap_arguments(job, {"--ro-bind", job.image, "/"}, false, proc, gpus);
}

std::vector<std::string> bubblewrap_arguments(const SandboxJob& job, const Arguments& root, bool network,
                                              const std::filesystem::path& proc, const GpuAccess& gpus) {
  Arguments all{"--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "model"};
  if (network) all.push_back("--share-net");
  append(all, root);
  append(all, {"--proc", "/proc"});
  append(all, closed_parts_of(proc));
  append(all, {"--dev", "/dev"});
  append(all, {"--size", fmt::format("{}", job.limits.shared_memory_bytes), "--tmpfs", "/dev/shm"});
  for (const std::string& folder : job.scratch) {
    append(all, {"--size", fmt::format("{}", job.limits.scratch_bytes), "--tmpfs", folder});
  }
  for (const Mount& mount : job.mounts) {
    append(all, {mount.writable ? "--bind" : "--ro-bind", mount.host.string(), mount.inside});
  }
  for (const std::string& device : gpus.devices) append(all, {"--dev-bind", device, device});
  for (const auto& [name, file] : gpus.libraries) {
    append(all, {"--ro-bind", file, fmt::format("{}/{}", GpuAccess::kFolder, name)});
  }
  all.push_back("--clearenv");
  Arguments variables{kPath, "HOME=/root"};
  append(variables, thread_variables(job.limits.cpus));
  append(variables, job.environment);
  if (const std::string variable = gpus.variable(variables); !variable.empty()) variables.push_back(variable);
  for (const std::string& variable : variables) {
    const std::size_t equal = variable.find('=');
    append(all, {"--setenv", variable.substr(0, equal), variable.substr(equal + 1)});
  }
  append(all, {"--remount-ro", "/", "--chdir", job.folder.empty() ? "/" : job.folder, "--"});
  append(all, job.arguments);
  return all;
}

std::string BubblewrapRunner::pin(const std::string& image, const RunControl&) const {
  std::error_code failure;
  const auto folder = std::filesystem::canonical(image, failure);
  if (failure || !std::filesystem::is_directory(folder)) {
    throw Error(ErrorCode::not_found, fmt::format("{}: there is no folder with an unpacked image", image));
  }
  return folder.string();
}

RunEnd BubblewrapRunner::run(const SandboxJob& job, RunLog& log, const RunControl& control) const {
  check(job);
  if (job.arguments.empty())
    throw Error(ErrorCode::bad_input, "a run: bubblewrap knows no entry point, so name the program");
  if (job.hardening == Hardening::writable_layer) {
    throw Error(ErrorCode::unsupported, "bubblewrap keeps an image read-only; run this one with Podman or Docker");
  }
  ProcessOptions options;
  options.on_line = [&](std::string_view line) { log.add(line); };
  options.on_tick = [&] { return excess_of(job); };
  return run_bubblewrap(program_, job, bubblewrap_arguments(job, "/proc", gpu_access(job.gpus)), options,
                        control.cancel);
}

std::vector<std::string> system_root() {
  Arguments all{"--ro-bind", "/usr", "/usr"};
  for (const char* name : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    std::error_code none;
    if (std::filesystem::is_symlink(name)) {
      append(all, {"--symlink", std::filesystem::read_symlink(name, none).string(), name});
    } else if (std::filesystem::is_directory(name, none)) {
      append(all, {"--ro-bind", name, name});
    }
  }
  // where libraries are, and which of several: nothing of people
  for (const char* name : {"/etc/ld.so.cache", "/etc/alternatives"}) append(all, {"--ro-bind-try", name, name});
  return all;
}

RunEnd run_bubblewrap(const std::filesystem::path& program, const SandboxJob& job, const Arguments& arguments,
                      ProcessOptions options, const CancelToken& cancel) {
  const std::optional<ControlGroup> group = ControlGroup::make(job.name, job.limits);
  Arguments command{program.string()};
  append(command, arguments);
  options.time_limit = job.limits.time;
  const ProcessEnd end = run_process({entered(group, job.limits, command), std::nullopt}, options, cancel);

  std::vector<std::string> notes;
  if (!group) notes.push_back("memory and processes were limited for each process, not for all of them together");
  if (end.how == ProcessEnd::How::timed_out) return {RunEnd::How::timed_out, 0, notes};
  if (end.how == ProcessEnd::How::stopped) {
    notes.push_back(end.reason);
    return {RunEnd::How::too_much_output, 0, notes};
  }
  if (end.how == ProcessEnd::How::exited && end.status == kCannotJoin) {
    throw Error(ErrorCode::unavailable, "the limits of this run could not be set");
  }
  const int status = end.how == ProcessEnd::How::killed ? 128 + end.status : end.status;
  return {group && group->ran_out_of_memory() ? RunEnd::How::out_of_memory : RunEnd::How::exited, status, notes};
}

}  // namespace sagittal::hub
