#include "hub/runners/container_command.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sagittal::hub {
namespace {

using Arguments = std::vector<std::string>;

/// The limit of a process holds for the runtime that becomes it, too: runc does not start with 64 MiB.
constexpr std::uint64_t kLeastData = std::uint64_t{192} << 20;

void append(Arguments& all, const Arguments& more) { all.insert(all.end(), more.begin(), more.end()); }

Arguments environment_of(const SandboxJob& job) {
  Arguments all = thread_variables(job.limits.cpus);
  append(all, job.environment);
  return all;
}

/// A CSV field.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

Arguments gpu_options(Engine engine, const std::vector<int>& gpus) {
  if (gpus.empty()) return {};
  if (engine == Engine::docker) return {"--gpus", fmt::format("\"device={}\"", fmt::join(gpus, ","))};
  Arguments all;
  for (const int gpu : gpus) append(all, {"--device", fmt::format("nvidia.com/gpu={}", gpu)});
  return all;
}

Arguments engine_run(Engine engine, const SandboxJob& job, const OwnLimits& own) {
  const Limits& limits = job.limits;
  Arguments all{"run", "--name", job.name, "--label", "org.sagittal.run=" + job.name, "--pull=never"};
  append(all, {"--network=none", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--log-driver=none"});
  all.push_back("--stop-timeout=1");
  int processes = own.processes;
  if (own.groups) {
    append(all,
           {fmt::format("--memory={}", limits.memory_bytes), fmt::format("--memory-swap={}", limits.memory_bytes)});
    append(all, {fmt::format("--cpus={:.2f}", limits.cpus), fmt::format("--pids-limit={}", limits.processes)});
  } else {
    processes = std::min(processes, limits.processes);
    all.push_back(fmt::format("--ulimit=data={0}:{0}", std::max(limits.memory_bytes, kLeastData)));
  }
  append(all, {fmt::format("--shm-size={}", limits.shared_memory_bytes)});
  append(all,
         {fmt::format("--ulimit=nofile={0}:{0}", own.open_files), fmt::format("--ulimit=nproc={0}:{0}", processes)});
  all.push_back("--ulimit=core=0:0");
  if (job.hardening == Hardening::read_only) {
    all.push_back("--read-only");
    for (const std::string& folder : job.scratch) {
      append(all, {"--tmpfs", fmt::format("{}:rw,exec,nosuid,nodev,size={},mode=1777", folder, limits.scratch_bytes)});
    }
  }
  for (const Mount& mount : job.mounts) append(all, {"--mount", bind_option(mount)});
  for (const std::string& variable : environment_of(job)) append(all, {"--env", variable});
  if (!job.folder.empty()) append(all, {"--workdir", job.folder});
  append(all, gpu_options(engine, job.gpus));
  all.push_back(job.image);
  return all;
}

Arguments apptainer_run(const SandboxJob& job) {
  Arguments all{"run", "--containall", "--no-home", "--cleanenv", "--net", "--network=none", "--no-privs"};
  append(all, {fmt::format("--memory={}", job.limits.memory_bytes), fmt::format("--cpus={:.2f}", job.limits.cpus)});
  append(all, {fmt::format("--pids-limit={}", job.limits.processes)});
  if (job.hardening == Hardening::writable_layer) all.push_back("--writable-tmpfs");
  for (const std::string& folder : job.scratch) append(all, {"--scratch", folder});
  for (const Mount& mount : job.mounts) append(all, {"--mount", bind_option(mount)});
  if (!job.gpus.empty()) all.push_back("--nv");
  if (!job.folder.empty()) append(all, {"--pwd", job.folder});
  all.push_back(job.image);
  return all;
}

}  // namespace

std::string_view name_of(Engine engine) {
  switch (engine) {
    case Engine::docker:
      return "docker";
    case Engine::podman:
      return "podman";
    case Engine::apptainer:
      return "apptainer";
  }
  return "";
}

std::vector<std::string> apptainer_environment(const SandboxJob& job) {
  Arguments all;
  for (const std::string& variable : environment_of(job)) all.push_back("APPTAINERENV_" + variable);
  if (!job.gpus.empty()) all.push_back(fmt::format("APPTAINERENV_CUDA_VISIBLE_DEVICES={}", fmt::join(job.gpus, ",")));
  return all;
}

std::string bind_option(const Mount& mount) {
  std::string option = "type=bind," + field("src=" + mount.host.string()) + "," + field("dst=" + mount.inside);
  return mount.writable ? option : option + ",readonly";
}

std::vector<std::string> run_arguments(Engine engine, const SandboxJob& job, const OwnLimits& own) {
  Arguments all = engine == Engine::apptainer ? apptainer_run(job) : engine_run(engine, job, own);
  append(all, job.arguments);
  return all;
}

}  // namespace sagittal::hub
