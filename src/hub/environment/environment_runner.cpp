#include "hub/environment/environment_runner.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "hub/runners/bubblewrap.h"
#include "hub/runners/process.h"
#include "store/folder_lock.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

constexpr const char* kEnvironment = "/opt/environment";
constexpr const char* kModel = "/opt/model";
constexpr const char* kProject = "/opt/project";
constexpr const char* kUv = "/opt/uv";
/// The part of an environment's folder that its installation may write: nothing else in there is a stranger's.
constexpr const char* kWritten = "files";
constexpr std::uint64_t kLeastFreeBytes = std::uint64_t{1} << 30;

constexpr const char* kSync = "exec /opt/uv sync --frozen --no-dev --no-install-project";
constexpr const char* kPipSync =
    "/opt/uv venv venv && exec /opt/uv pip sync --require-hashes --python venv/bin/python "
    "/opt/project/requirements.txt";
/// Modules that cannot be compiled are some packages' tests for other versions of Python.
constexpr const char* kCompile =
    "venv/bin/python -m compileall -q -j 0 venv/lib >/dev/null 2>&1; exec venv/bin/python -V";

void append(Arguments& all, const Arguments& more) { all.insert(all.end(), more.begin(), more.end()); }

void write(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  if (!file) throw Error(ErrorCode::io, fmt::format("{}: cannot be written", path.string()));
}

fs::path folder_of(const std::string& image) {
  std::error_code failure;
  const auto folder = fs::canonical(image, failure);
  if (failure || !fs::is_directory(folder)) {
    throw Error(ErrorCode::not_found, fmt::format("{}: there is no folder with a model's code", image));
  }
  return folder;
}

/// What uv needs of the host to reach a package index: names, authorities, the proxy.
Arguments network_root() {
  Arguments all;
  for (const char* path : {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/pki",
                           "/etc/ca-certificates", "/etc/crypto-policies"}) {
    append(all, {"--ro-bind-try", path, path});
  }
  if (const char* file = std::getenv("SSL_CERT_FILE")) append(all, {"--ro-bind-try", file, file});
  return all;
}

Arguments network_variables() {
  Arguments all;
  for (const char* name : {"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "https_proxy", "http_proxy",
                           "all_proxy", "no_proxy", "SSL_CERT_FILE", "UV_DEFAULT_INDEX", "UV_PYTHON_INSTALL_MIRROR"}) {
    if (const char* value = std::getenv(name)) all.push_back(fmt::format("{}={}", name, value));
  }
  return all;
}

/// A job whose "/" is the host's programs and the environment in `folder`.
SandboxJob job_in(const fs::path& folder, bool writable, const std::string& name) {
  SandboxJob job{.name = name, .image = folder.string()};
  job.mounts = {{folder / kWritten, kEnvironment, writable}};
  job.environment = {fmt::format("PATH={}/venv/bin:{}:/usr/local/bin:/usr/bin:/bin", kEnvironment, kModel),
                     fmt::format("VIRTUAL_ENV={}/venv", kEnvironment), "HOME=/tmp", "PYTHONUNBUFFERED=1",
                     "PYTHONNOUSERSITE=1"};
  return job;
}

/// "/" with who the program is, which libraries ask for.
Arguments root_with(const fs::path& environment) {
  Arguments all = system_root();
  for (const char* name : {"passwd", "group"}) {
    append(all, {"--ro-bind-try", (environment / "etc" / name).string(), std::string("/etc/") + name});
  }
  return all;
}

/// How far uv is, by what it says of the larger packages. Any line.
class UvProgress {
 public:
  explicit UvProgress(const RunControl& control) : control_(control) {}
  void hear(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.starts_with("Downloading ")) ++begun_;
    if (line.starts_with("Downloaded ")) ++done_;
    if (line.starts_with("Prepared ")) begun_ = done_ = 1;
    const double fraction = begun_ == 0 ? 0 : 0.8 * std::min(done_, begun_) / begun_;
    reached_ = std::max(reached_, fraction);
    control_.report("pulling packages", reached_);
  }

 private:
  const RunControl& control_;
  int begun_ = 0, done_ = 0;
  double reached_ = 0;
};

/// The folder's lock, once nobody else has it.
std::unique_ptr<durable::FolderLock> wait_for(const fs::path& folder, const RunControl& control) {
  while (true) {
    control.check();
    try {
      return std::make_unique<durable::FolderLock>(folder);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::conflict) throw;
    }
    control.report("pulling packages, as another job does", 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

/// Gives `part` its name, once all of it is on the disk.
void finish(const fs::path& part, const fs::path& made) {
  const Descriptor folder(::open(part.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.fd < 0 || ::syncfs(folder.fd) != 0) {
    throw Error(ErrorCode::io, fmt::format("{}: cannot be written to the disk", part.string()));
  }
  fs::rename(part, made);
}

}  // namespace

std::string EnvironmentRunner::version() const { return fmt::format("bubblewrap {}", version_of(options_.bubblewrap)); }

std::string EnvironmentRunner::digest_of(const std::string& pinned) const {
  return fmt::format("sha256:{}", read_environment_lock(pinned, options_.builds).key);
}

std::optional<fs::path> EnvironmentRunner::made(const std::string& image) const {
  const fs::path folder = options_.cache / read_environment_lock(folder_of(image), options_.builds).key;
  return fs::exists(folder / "environment.json") ? std::optional(folder) : std::nullopt;
}

std::string EnvironmentRunner::pin(const std::string& image, const RunControl& control) const {
  const fs::path folder = folder_of(image);
  const EnvironmentLock lock = read_environment_lock(folder, options_.builds);
  const fs::path there = options_.cache / lock.key;
  if (fs::exists(there)) return folder.string();
  if (!options_.uv) {
    throw Error(ErrorCode::not_found,
                fmt::format("{} needs an environment that is not made yet, and uv, which makes it, is not here: pip "
                            "install uv, or copy {} from a computer that has it",
                            folder.string(), there.string()));
  }
  const auto mine = wait_for(options_.cache / (lock.key + ".lock"), control);
  if (fs::exists(there)) return folder.string();
  const fs::path part = options_.cache / (lock.key + ".part");
  try {
    make(lock, part, control);
    finish(part, there);
  } catch (const fs::filesystem_error& error) {
    throw Error(ErrorCode::io, error.what());
  }
  control.report("pulling packages", 1);
  return folder.string();
}

void EnvironmentRunner::make(const EnvironmentLock& lock, const fs::path& part, const RunControl& control) const {
  const fs::path written = part / kWritten;
  fs::remove_all(written / "venv");  // whatever stands in it could run when uv looks at it; downloads stay
  fs::remove_all(part / "project");
  for (const char* name : {kWritten, "project", "etc"}) fs::create_directories(part / name);
  for (const EnvironmentLock::File& file : lock.files) write(part / "project" / file.name, file.text);
  write(part / "etc/passwd", fmt::format("model:x:{}:{}::/tmp:/bin/sh\n", ::getuid(), ::getgid()));
  write(part / "etc/group", fmt::format("model:x:{}:\n", ::getgid()));

  RunLog log(part / "log.txt", std::uint64_t{4} << 20);
  SandboxJob job = job_in(part, true, "environment-" + lock.key.substr(0, 16));
  job.mounts.push_back({part / "project", kProject, false});
  job.limits.cpus = std::max(1U, std::thread::hardware_concurrency());
  job.limits.processes = 1024;
  append(job.environment, network_variables());
  append(job.environment, {fmt::format("UV_PROJECT_ENVIRONMENT={}/venv", kEnvironment),
                           fmt::format("UV_CACHE_DIR={}/downloads", kEnvironment),
                           fmt::format("UV_PYTHON_INSTALL_DIR={}/python", kEnvironment),
                           fmt::format("UV_NO_BUILD={}", options_.builds ? 0 : 1)});
  job.folder = kEnvironment;

  ProcessOptions options;
  options.on_tick = [&]() -> std::string {
    std::error_code unknown;
    const auto space = fs::space(part, unknown);
    return !unknown && space.available < kLeastFreeBytes ? "the disk is nearly full" : "";
  };
  UvProgress progress(control);
  options.on_line = [&](std::string_view line) {
    log.add(line);
    progress.hear(line);
  };
  const auto step = [&](const char* script, Arguments root, bool network) {
    job.arguments = {"/bin/sh", "-c", script};
    check(job);
    const RunEnd end = run_bubblewrap(options_.bubblewrap, job, bubblewrap_arguments(job, root, network, "/proc"),
                                      options, control.cancel);
    if (end.how == RunEnd::How::exited && end.status == 0) return;
    throw Error(ErrorCode::unavailable,
                fmt::format("the environment could not be made, uv {}: {}", describe(end, job.limits), log.tail(6)));
  };

  Arguments root = root_with(part);
  append(root, network_root());
  append(root, {"--ro-bind", fs::canonical(*options_.uv).string(), kUv});
  const bool locked = lock.kind == EnvironmentLock::Kind::uv;
  if (locked) job.folder = kProject;
  control.report("pulling packages", 0);
  step(locked ? kSync : kPipSync, root, true);

  control.report("pulling packages, compiling them", 0.85);
  job.folder = kEnvironment;
  step(kCompile, root_with(part), false);
  fs::remove_all(written / "downloads");
  log.finish();
  Json record{{"version", 1}, {"key", lock.key}, {"python", log.tail(1)}, {"files", Json::array()}};
  for (const EnvironmentLock::File& file : lock.files) record["files"].push_back(file.name);
  write(part / "environment.json", record.dump(2) + "\n");
}

RunEnd EnvironmentRunner::run(const SandboxJob& job, RunLog& log, const RunControl& control) const {
  check(job);
  if (job.arguments.empty()) throw Error(ErrorCode::bad_input, "a run: an environment has no entry point, so name one");
  if (job.hardening == Hardening::writable_layer) {
    throw Error(ErrorCode::unsupported,
                "an environment stays read-only: what a model writes goes to its scratch folders");
  }
  const fs::path model = folder_of(job.image);
  const auto environment = made(job.image);
  if (!environment)
    throw Error(ErrorCode::not_found, fmt::format("{}: its environment is not made yet", model.string()));

  SandboxJob inside = job_in(*environment, false, job.name);
  inside.arguments = job.arguments;
  inside.mounts.push_back({model, kModel, false});
  inside.mounts.insert(inside.mounts.end(), job.mounts.begin(), job.mounts.end());
  inside.scratch = job.scratch;
  inside.folder = job.folder.empty() ? kModel : job.folder;
  inside.gpus = job.gpus;
  inside.limits = job.limits;
  append(inside.environment, {fmt::format("PYTHONPATH={0}:{0}/src", kModel), "PYTHONDONTWRITEBYTECODE=1"});
  append(inside.environment, job.environment);

  ProcessOptions options;
  options.on_line = [&](std::string_view line) { log.add(line); };
  options.on_tick = [&] { return excess_of(job); };
  return run_bubblewrap(options_.bubblewrap, inside,
                        bubblewrap_arguments(inside, root_with(*environment), false, "/proc", gpu_access(inside.gpus)),
                        options, control.cancel);
}

}  // namespace sagittal::hub
