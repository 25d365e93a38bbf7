#include "hub/runners/runc_runner.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/runners/control_group.h"
#include "hub/runners/process.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kRemoveTime{30};
constexpr std::chrono::milliseconds kGrace{200};  // the first process of a namespace ignores the request to end
constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr int kOpenFiles = 4096;

Json mount(const char* type, const std::string& at, const std::vector<std::string>& options) {
  return {{"destination", at}, {"type", type}, {"source", type}, {"options", options}};
}

Json tmpfs(const std::string& at, std::uint64_t bytes) {
  return mount("tmpfs", at, {"nosuid", "nodev", "mode=1777", fmt::format("size={}", bytes)});
}

Json bind_mount(const std::string& host, const std::string& at, bool writable, bool device = false) {
  std::vector<std::string> options{"rbind", "rprivate", "nosuid", writable ? "rw" : "ro"};
  if (!device) options.push_back("nodev");
  return {{"destination", at}, {"type", "bind"}, {"source", host}, {"options", options}};
}

Json mounts_of(const SandboxJob& job, const GpuAccess& gpus) {
  Json all = Json::array();
  all.push_back(mount("proc", "/proc", {"nosuid", "noexec", "nodev"}));
  all.push_back(mount("tmpfs", "/dev", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  all.push_back(mount("devpts", "/dev/pts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}));
  all.push_back(tmpfs("/dev/shm", job.limits.shared_memory_bytes));
  for (const std::string& folder : job.scratch) all.push_back(tmpfs(folder, job.limits.scratch_bytes));
  for (const Mount& each : job.mounts) all.push_back(bind_mount(each.host.string(), each.inside, each.writable));
  for (const std::string& device : gpus.devices) all.push_back(bind_mount(device, device, true, true));
  for (const auto& [name, file] : gpus.libraries) {
    all.push_back(bind_mount(file, fmt::format("{}/{}", GpuAccess::kFolder, name), false));
  }
  return all;
}

Json limit(const char* name, std::uint64_t most) { return {{"type", name}, {"hard", most}, {"soft", most}}; }

Json process_of(const SandboxJob& job, bool root, const GpuAccess& gpus) {
  std::vector<std::string> variables{kPath, "HOME=/root"};
  for (const std::string& variable : thread_variables(job.limits.cpus)) variables.push_back(variable);
  for (const std::string& variable : job.environment) variables.push_back(variable);
  if (const std::string variable = gpus.variable(variables); !variable.empty()) variables.push_back(variable);
  Json limits{limit("RLIMIT_NOFILE", kOpenFiles), limit("RLIMIT_CORE", 0)};
  if (!root) {
    limits.push_back(limit("RLIMIT_AS", job.limits.memory_bytes));
    limits.push_back(limit("RLIMIT_NPROC", static_cast<std::uint64_t>(job.limits.processes)));
  }
  const Json none = Json::array();
  return {{"terminal", false},
          {"user", {{"uid", 0}, {"gid", 0}}},
          {"args", job.arguments},
          {"env", variables},
          {"cwd", job.folder.empty() ? "/" : job.folder},
          {"noNewPrivileges", true},
          {"capabilities",
           {{"bounding", none}, {"effective", none}, {"permitted", none}, {"inheritable", none}, {"ambient", none}}},
          {"rlimits", limits}};
}

/// Memory without swap, processor time, processes; no device but the harmless ones that runc adds, and the job's GPUs.
Json resources_of(const SandboxJob& job, const GpuAccess& gpus) {
  Json devices{{{"allow", false}, {"access", "rwm"}}};
  for (const std::string& device : gpus.devices) {
    struct stat file {};
    if (::stat(device.c_str(), &file) != 0 || !S_ISCHR(file.st_mode)) continue;
    devices.push_back({{"allow", true},
                       {"type", "c"},
                       {"major", major(file.st_rdev)},
                       {"minor", minor(file.st_rdev)},
                       {"access", "rwm"}});
  }
  return {{"devices", devices},
          {"memory", {{"limit", job.limits.memory_bytes}, {"swap", job.limits.memory_bytes}}},
          {"cpu", {{"quota", std::lround(job.limits.cpus * 100'000)}, {"period", 100'000}}},
          {"pids", {{"limit", job.limits.processes}}}};
}

/// Calls that reach deep into the kernel and that no model needs; most are closed to a process without rights already.
Json closed_calls() {
  const Json names{"acct",
                   "add_key",
                   "bpf",
                   "delete_module",
                   "finit_module",
                   "fsopen",
                   "init_module",
                   "io_uring_setup",
                   "kexec_file_load",
                   "kexec_load",
                   "keyctl",
                   "mount",
                   "move_mount",
                   "name_to_handle_at",
                   "open_by_handle_at",
                   "open_tree",
                   "perf_event_open",
                   "pivot_root",
                   "process_vm_readv",
                   "process_vm_writev",
                   "ptrace",
                   "quotactl",
                   "reboot",
                   "request_key",
                   "setns",
                   "swapoff",
                   "swapon",
                   "syslog",
                   "umount2",
                   "unshare",
                   "userfaultfd",
                   "vmsplice"};
  return {{"defaultAction", "SCMP_ACT_ALLOW"},
          {"syscalls", {{{"names", names}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", 1}}}}};
}

std::string folder_of(const std::string& image) {
  std::error_code failure;
  const auto folder = fs::canonical(image, failure);
  if (failure || !fs::is_directory(folder)) {
    throw Error(ErrorCode::not_found, fmt::format("{}: there is no folder with an unpacked image", image));
  }
  return folder.string();
}

/// Whether runc, whose own log this is, failed.
bool has_error(const fs::path& log) {
  std::ifstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    if (line.find("level=error") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Json runc_config(const SandboxJob& job, const Caller& caller, const GpuAccess& gpus) {
  const bool root = caller.user == 0;
  Json namespaces = Json::array();
  for (const char* type : {"pid", "network", "ipc", "uts", "mount"}) namespaces.push_back({{"type", type}});
  Json system{{"namespaces", namespaces},
              {"seccomp", closed_calls()},
              {"rootfsPropagation", "private"},
              {"maskedPaths",
               {"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi"}},
              {"readonlyPaths", {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}};
  if (root) {
    system["cgroupsPath"] = ControlGroup::folder_name(job.name);
    system["resources"] = resources_of(job, gpus);
  } else {
    system["namespaces"].push_back({{"type", "user"}});
    const auto only = [](unsigned id) { return Json{{{"containerID", 0}, {"hostID", id}, {"size", 1}}}; };
    system["uidMappings"] = only(caller.user);
    system["gidMappings"] = only(caller.group);
  }
  return {{"ociVersion", "1.0.2"},
          {"process", process_of(job, root, gpus)},
          {"root", {{"path", job.image}, {"readonly", true}}},
          {"hostname", "model"},
          {"mounts", mounts_of(job, gpus)},
          {"linux", system}};
}

RuncRunner::RuncRunner(fs::path program, fs::path state) : program_(std::move(program)), state_(std::move(state)) {}

std::vector<std::string> RuncRunner::command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all{program_.string(), "--root", (state_ / "runc").string()};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

std::string RuncRunner::pin(const std::string& image, const RunControl&) const { return folder_of(image); }

RunEnd RuncRunner::run(const SandboxJob& job, RunLog& log, const RunControl& control) const {
  check(job);
  if (job.arguments.empty()) throw Error(ErrorCode::bad_input, "a run: runc knows no entry point, so name the program");
  if (job.hardening == Hardening::writable_layer) {
    throw Error(ErrorCode::unsupported, "runc keeps an image read-only; run this one with Podman or Docker");
  }
  const Caller caller{::geteuid(), ::getegid()};
  SandboxJob pinned = job;
  pinned.image = folder_of(job.image);
  const GpuAccess gpus = gpu_access(job.gpus);
  const fs::path bundle = state_ / job.name;
  try {
    fs::create_directories(bundle);
    fs::permissions(state_, fs::perms::owner_all);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, error.what());
  }
  std::ofstream config(bundle / "config.json");
  config << runc_config(pinned, caller, gpus).dump() << std::flush;
  if (!config) throw Error(ErrorCode::io, fmt::format("{}: cannot be written", bundle.string()));

  struct Remover {
    const RuncRunner& runner;
    const std::string& name;
    ~Remover() { runner.remove_left(name); }
  } const remover{*this, job.name};
  ProcessOptions options;
  options.time_limit = job.limits.time;
  options.grace = kGrace;
  options.on_line = [&](std::string_view line) { log.add(line); };
  options.on_tick = [&] { return excess_of(job); };
  const fs::path said = bundle / "log";
  // Kept when it ends, so that its control group can still say whether memory ran out.
  const ProcessEnd end = run_process(
      {command({"--log", said.string(), "run", "--keep", "--bundle", bundle.string(), "--", job.name}), std::nullopt},
      options, control.cancel);

  std::vector<std::string> notes;
  if (caller.user != 0)
    notes.push_back("memory and processes were limited for each process, not for all of them together");
  if (end.how == ProcessEnd::How::timed_out) return {RunEnd::How::timed_out, 0, notes};
  if (end.how == ProcessEnd::How::stopped) {
    notes.push_back(end.reason);
    return {RunEnd::How::too_much_output, 0, notes};
  }
  const auto group = caller.user == 0 ? ControlGroup::find(job.name) : std::nullopt;
  if (has_error(said)) {
    throw Error(ErrorCode::unavailable, fmt::format("runc could not run the image: {}", log.tail(3)));
  }
  const int status = end.how == ProcessEnd::How::killed ? 128 + end.status : end.status;
  return {group && group->ran_out_of_memory() ? RunEnd::How::out_of_memory : RunEnd::How::exited, status, notes};
}

void RuncRunner::remove_left(const std::string& job_name) const noexcept {
  try {
    ProcessOptions options;
    options.time_limit = kRemoveTime;
    run_process({command({"delete", "--force", "--", job_name}), std::nullopt}, options, {});
    std::error_code ignored;
    fs::remove_all(state_ / job_name, ignored);
  } catch (const std::exception&) {
    // runc is gone; the run has a name that nobody uses again.
  }
}

}  // namespace sagittal::hub
