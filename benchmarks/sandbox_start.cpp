#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/environment/environment_runner.h"
#include "hub/runners/bubblewrap.h"
#include "hub/runners/container_runner.h"
#include "hub/runners/process.h"
#include "hub/runners/runc_runner.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

/// No sandbox at all: what the others are compared with.
class Plain : public Runner {
 public:
  std::string_view name() const override { return "plain"; }
  std::string version() const override { return ""; }
  std::string pin(const std::string& image, const RunControl&) const override { return image; }
  RunEnd run(const SandboxJob& job, RunLog& log, const RunControl& control) const override {
    ProcessOptions options;
    options.on_line = [&](std::string_view line) { log.add(line); };
    const ProcessEnd end = run_process({job.arguments, std::nullopt}, options, control.cancel);
    return {RunEnd::How::exited, end.status, {}};
  }
};

fs::path needed(const std::string& name) {
  if (const auto path = find_program(name)) return *path;
  throw Error(ErrorCode::not_found, name + " is not installed");
}

std::unique_ptr<Runner> runner(const std::string& kind, const fs::path& folder) {
  if (kind == "plain") return std::make_unique<Plain>();
  if (kind == "bubblewrap") return std::make_unique<BubblewrapRunner>(needed("bwrap"));
  if (kind == "runc") return std::make_unique<RuncRunner>(needed("runc"), folder / "runc");
  if (kind == "podman") return std::make_unique<ContainerRunner>(Engine::podman, needed("podman"));
  if (kind == "docker") return std::make_unique<ContainerRunner>(Engine::docker, needed("docker"));
  if (kind == "environment") {
    return std::make_unique<EnvironmentRunner>(EnvironmentRunner::Options{
        .bubblewrap = needed("bwrap"), .uv = needed("uv"), .cache = folder / "environments"});
  }
  throw Error(ErrorCode::wrong_usage, "no such kind: " + kind);
}

/// `folder` is for what is written.
int measure(const std::string& kind, const std::string& image, const fs::path& folder, int runs,
            const std::string& script) {
  const auto sandbox = runner(kind, folder);
  fs::create_directories(folder / "out");
  SandboxJob job{.name = fmt::format("bench-{}-{}", kind, ::getpid()), .image = sandbox->pin(image, {})};
  job.arguments = {"/bin/sh", "-c", script};
  job.mounts = {{folder / "out", "/out", true}};
  job.limits.memory_bytes = std::uint64_t{1} << 30;
  for (int run = 0; run < runs; ++run) {
    RunLog log(folder / "log", 1 << 16);
    const auto begun = std::chrono::steady_clock::now();
    const RunEnd end = sandbox->run(job, log, {});
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begun;
    if (end.how != RunEnd::How::exited || end.status != 0) {
      throw Error(ErrorCode::internal, fmt::format("{}: {}", describe(end, job.limits), log.tail(3)));
    }
    fmt::print("{:.1f}\n", time.count());
  }
  return 0;
}

}  // namespace
}  // namespace sagittal::hub

/// sandbox_start KIND IMAGE FOLDER RUNS SCRIPT: milliseconds of each run of a shell's script.
int main(int count, char** arguments) {
  try {
    const auto runs = count == 6 ? sagittal::parse_number<int>(arguments[4]) : std::nullopt;
    if (!runs) throw sagittal::Error(sagittal::ErrorCode::wrong_usage, "sandbox_start KIND IMAGE FOLDER RUNS SCRIPT");
    return sagittal::hub::measure(arguments[1], arguments[2], arguments[3], *runs, arguments[5]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
