#include "hub/runners/container_runner.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

extern char** environ;

namespace sagittal::hub {
namespace {

constexpr std::chrono::seconds kAnswerTime{5};
constexpr std::chrono::seconds kRemoveTime{30};
constexpr std::chrono::seconds kGrace{2};
constexpr std::chrono::seconds kListTime{30};
constexpr int kEngineFailed = 125;  // of `docker run` and `podman run`: the engine, not the program

/// What an engine may give a container where it may not raise limits itself.
OwnLimits own_limits() {
  const auto hard = [](auto resource, rlim_t most) {
    rlimit limit{};
    ::getrlimit(resource, &limit);
    return static_cast<int>(std::min(limit.rlim_max, most));
  };
  return {hard(RLIMIT_NOFILE, 65536), hard(RLIMIT_NPROC, 32768), true};
}

std::string last_line(const std::string& text) {
  std::string last;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) last = line;
  }
  return last;
}

/// "lungmask" of "docker.io/mhubai/lungmask:latest" and "mhubai/lungmask@sha256:…".
std::string_view last_name_of(std::string_view reference) {
  reference = reference.substr(0, reference.find('@'));
  if (const auto slash = reference.rfind('/'); slash != std::string_view::npos) reference.remove_prefix(slash + 1);
  return reference.substr(0, reference.find(':'));
}

/// The registry's digest of `image`, or the id where it never was in a registry. `said`: the id, then all digests.
std::string pinned(std::string_view said, std::string_view image) {
  const auto words = split(said, ' ');
  for (const std::string_view word : words) {
    const bool of_registry = word.find("@sha256:") != std::string_view::npos && !word.starts_with("localhost/");
    if (of_registry && last_name_of(word) == last_name_of(image)) return std::string(word);
  }
  return std::string(words[0]);
}

/// Removes what a run left, however the run ends.
class Remover {
 public:
  Remover(const ContainerRunner& runner, const std::string& job) : runner_(runner), job_(job) {}
  Remover(const Remover&) = delete;
  Remover& operator=(const Remover&) = delete;
  ~Remover() { runner_.remove_left(job_); }

 private:
  const ContainerRunner& runner_;
  const std::string job_;
};

}  // namespace

ContainerRunner::ContainerRunner(Engine engine, std::filesystem::path program)
    : engine_(engine), program_(std::move(program)) {}

Command ContainerRunner::command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), program_.string());
  return {std::move(arguments), std::nullopt};
}

std::string ContainerRunner::ask(std::vector<std::string> arguments, const CancelToken& cancel) const {
  return last_line(output_of(command(std::move(arguments)), kAnswerTime, cancel));
}

std::string ContainerRunner::version() const {
  if (engine_ == Engine::docker) return ask({"version", "--format", "{{.Server.Version}}"}, {});
  if (engine_ == Engine::podman) return ask({"version", "--format", "{{.Version}}"}, {});
  return version_of(program_);
}

std::string ContainerRunner::pin(const std::string& image, const RunControl& control) const {
  if (image.empty() || image[0] == '-') throw Error(ErrorCode::bad_input, fmt::format("\"{}\" is no image", image));
  if (engine_ == Engine::apptainer) {
    std::error_code failure;
    const auto file = std::filesystem::canonical(image, failure);
    if (failure) throw Error(ErrorCode::not_found, fmt::format("{}: there is no such image file", image));
    return file.string();
  }
  const std::vector<std::string> inspect{"image", "inspect", "--format", "{{.Id}}{{range .RepoDigests}} {{.}}{{end}}",
                                         "--",    image};
  try {
    return pinned(ask(inspect, control.cancel), image);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unavailable) throw;
  }
  ProcessOptions options;
  std::string last;
  options.on_line = [&](std::string_view line) {
    last = line;
    control.report("getting the image", 0);
  };
  const ProcessEnd end = run_process(command({"pull", "--", image}), options, control.cancel);
  if (end.how != ProcessEnd::How::exited || end.status != 0) {
    throw Error(ErrorCode::unavailable, fmt::format("{} could not get {}: {}", name(), image, last));
  }
  return pinned(ask(inspect, control.cancel), image);
}

std::vector<EngineImage> ContainerRunner::images(const CancelToken& cancel) const {
  if (engine_ == Engine::apptainer) return {};
  constexpr std::size_t kAtOnce = 200;
  const std::string listed = output_of(command({"image", "ls", "--quiet", "--no-trunc"}), kListTime, cancel);
  std::vector<std::string> ids;
  for (const std::string_view line : split(listed, '\n')) {
    const std::string_view id = line.starts_with("sha256:") ? line.substr(7) : line;
    const bool is_id = id.size() == 64 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (is_id && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.emplace_back(id);
  }
  std::vector<EngineImage> all;
  for (std::size_t at = 0; at < ids.size(); at += kAtOnce) {
    std::vector<std::string> ask{"image", "inspect", "--format", std::string(image_template()), "--"};
    ask.insert(ask.end(), ids.begin() + static_cast<std::ptrdiff_t>(at),
               ids.begin() + static_cast<std::ptrdiff_t>(std::min(at + kAtOnce, ids.size())));
    for (EngineImage& image : parse_images(output_of(command(std::move(ask)), kListTime, cancel))) {
      all.push_back(std::move(image));
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return all;
}

void ContainerRunner::remove_image(const EngineImage& image) const {
  std::vector<std::string> arguments{"image", "rm", "--"};
  const auto& names = image.tags.empty() ? image.pinned : image.tags;  // with its last tag its digests go
  arguments.insert(arguments.end(), names.begin(), names.end());
  if (names.empty()) arguments.push_back(image.id);
  try {
    output_of(command(std::move(arguments)), kRemoveTime, {});
  } catch (const Error& error) {
    throw Error(ErrorCode::conflict, fmt::format("{} keeps the image: {}", name(), error.what()));
  }
}

/// Rootless engines may not make control groups everywhere. An engine that does not say so is believed to have them.
bool ContainerRunner::limits_groups(const CancelToken& cancel) const {
  if (engine_ == Engine::apptainer) return true;
  const bool podman = engine_ == Engine::podman;
  std::string said;
  try {
    said = output_of(command({"info", "--format",
                              podman ? "{{.Host.Security.Rootless}} {{.Host.CgroupControllers}}"
                                     : "{{.MemoryLimit}} {{.PidsLimit}}"}),
                     kAnswerTime, cancel);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::cancelled) throw;
    return true;
  }
  for (const std::string_view line : split(said, '\n')) {  // among the engine's warnings
    const bool missing = line.find("memory") == std::string_view::npos || line.find("pids") == std::string_view::npos;
    if (podman && line.starts_with("true [") && missing) return false;
    if (!podman && (line == "false false" || line == "false true" || line == "true false")) return false;
  }
  return true;
}

RunEnd ContainerRunner::run(const SandboxJob& job, RunLog& log, const RunControl& control) const {
  check(job);
  const Remover remover(*this, job.name);
  ProcessOptions options;
  options.time_limit = job.limits.time;
  options.grace = kGrace;
  options.on_line = [&](std::string_view line) { log.add(line); };
  options.on_tick = [&] { return excess_of(job); };
  OwnLimits own = own_limits();
  own.groups = limits_groups(control.cancel);
  Command run = command(run_arguments(engine_, job, own));
  if (engine_ == Engine::apptainer) {
    run.environment = apptainer_environment(job);
    for (char** variable = environ; *variable != nullptr; ++variable) run.environment->emplace_back(*variable);
  }
  RunEnd end = end_of(job, run_process(run, options, control.cancel), log);
  if (!own.groups) {
    end.notes.push_back("memory and processes were limited for each process, not for all of them together");
  }
  return end;
}

RunEnd ContainerRunner::end_of(const SandboxJob& job, const ProcessEnd& end, const RunLog& log) const {
  using How = ProcessEnd::How;
  if (end.how == How::timed_out) return {RunEnd::How::timed_out, 0, {}};
  if (end.how == How::stopped) return {RunEnd::How::too_much_output, 0, {end.reason}};
  if (end.how == How::killed) return {RunEnd::How::exited, 128 + end.status, {}};
  if (engine_ == Engine::apptainer) {
    // Apptainer's own failures and the program's share status 255.
    if (end.status == 255) fail(log);
    return {end.status == 137 ? RunEnd::How::out_of_memory : RunEnd::How::exited, end.status, {}};
  }
  if (end.status == kEngineFailed) fail(log);
  std::string state;
  try {
    state = ask(
        {"inspect", "--type=container", "--format", "{{.State.OOMKilled}} {{.State.StartedAt}}", "--", job.name}, {});
  } catch (const Error&) {
    return {RunEnd::How::exited, end.status, {}};
  }
  if (state.find(" 0001-01-01") != std::string::npos) fail(log);
  return {state.starts_with("true ") ? RunEnd::How::out_of_memory : RunEnd::How::exited, end.status, {}};
}

void ContainerRunner::fail(const RunLog& log) const {
  throw Error(ErrorCode::unavailable, fmt::format("{} could not run the image: {}", name(), log.tail(3)));
}

void ContainerRunner::remove_left(const std::string& job_name) const noexcept {
  if (engine_ == Engine::apptainer) return;
  try {
    ProcessOptions options;
    options.time_limit = kRemoveTime;
    run_process(command({"rm", "--force", "--volumes", "--", job_name}), options, {});
  } catch (const std::exception&) {
    // The engine is gone; its container has a name that nobody uses again.
  }
}

}  // namespace sagittal::hub
