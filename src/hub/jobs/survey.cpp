#include "hub/jobs/survey.h"

#include <fstream>
#include <functional>
#include <future>
#include <sstream>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/runners/container_runner.h"
#include "hub/runners/process.h"
#include "hub/runners/slurm.h"

namespace sagittal::hub {
namespace {

constexpr std::chrono::seconds kAnswerTime{5};
constexpr std::chrono::minutes kFreshFor{1};

/// Debian has no package of Apptainer.
const char* install_of(Engine which) {
  switch (which) {
    case Engine::docker:
      return "apt-get install docker.io";
    case Engine::podman:
      return "apt-get install podman";
    case Engine::apptainer:
      break;
  }
  return "install Apptainer as apptainer.org says";
}

Backend engine(Engine which) {
  Backend backend{std::string(name_of(which)), false, false};
  const auto program = find_program(backend.name);
  if (!program) {
    backend.found = "not installed";
    backend.mend = install_of(which);
    return backend;
  }
  backend.is_there = true;
  try {
    backend.found = fmt::format("{} ({})", program->string(), ContainerRunner(which, *program).version());
    backend.works = true;
  } catch (const Error& error) {
    backend.found = error.what();
    backend.mend = fmt::format("start the service of {0}, and see that `{0} version` answers you", backend.name);
  }
  return backend;
}

bool is_set(const char* file, char value) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str().starts_with(value);
}

/// The setting that forbids user namespaces, where one does.
std::string mend_namespaces() {
  if (is_set("/proc/sys/kernel/unprivileged_userns_clone", '0')) return "sysctl kernel.unprivileged_userns_clone=1";
  if (is_set("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", '1')) {
    return "sysctl kernel.apparmor_restrict_unprivileged_userns=0";
  }
  if (is_set("/proc/sys/user/max_user_namespaces", '0')) return "sysctl user.max_user_namespaces=10000";
  return "allow user namespaces, or start Sagittal outside of a container";
}

Backend bubblewrap() {
  const auto program = find_program("bwrap");
  if (!program) {
    return {"bubblewrap", false, false, "none (runs unpacked images and environments without root)",
            "apt-get install bubblewrap"};
  }
  try {
    output_of({{program->string(), "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "/bin/sh", "-c", ":"},
               std::nullopt},
              kAnswerTime, {});
    return {"bubblewrap", true, true, program->string()};
  } catch (const Error& error) {
    return {"bubblewrap", true, false, error.what(), mend_namespaces()};
  }
}

Backend runc() {
  const auto program = find_program("runc");
  if (!program) {
    return {"runc", false, false, "none (runs unpacked images without an engine)", "apt-get install runc"};
  }
  try {
    const std::string version = output_of({{program->string(), "--version"}, std::nullopt}, kAnswerTime, {});
    return {"runc", true, true, fmt::format("{} ({})", program->string(), version.substr(0, version.find('\n')))};
  } catch (const Error& error) {
    return {"runc", true, false, error.what(), "apt-get install --reinstall runc"};
  }
}

/// Needs `sandbox`, which is bubblewrap.
Backend environment(const Backend& sandbox) {
  const auto uv = find_program("uv");
  if (!uv) return {"environment", false, false, "no uv (makes locked Python environments)", "pip install uv"};
  if (!sandbox.works) {
    return {"environment", true, false, uv->string() + ", but bubblewrap does not work", sandbox.mend};
  }
  return {"environment", true, true, uv->string()};
}

Backend slurm() {
  if (!find_program("sbatch")) {
    return {"slurm", false, false, "none (only needed to send jobs to a cluster)",
            "install Slurm's client, and join the cluster"};
  }
  try {
    return {"slurm", true, true, Slurm().version(kAnswerTime)};
  } catch (const Error& error) {
    return {"slurm", true, false, error.what(), "see that `squeue` answers you: SLURM_CONF, the controller, munge"};
  }
}

}  // namespace

std::vector<Backend> survey_backends() {
  const std::vector<std::function<Backend()>> questions{[] { return engine(Engine::docker); },
                                                        [] { return engine(Engine::podman); },
                                                        [] { return engine(Engine::apptainer); },
                                                        bubblewrap,
                                                        runc,
                                                        slurm};
  std::vector<std::future<Backend>> asked;
  for (const auto& question : questions) asked.push_back(std::async(std::launch::async, question));
  std::vector<Backend> all;
  for (auto& answer : asked) all.push_back(answer.get());
  all.insert(all.end() - 1, environment(all[3]));
  return all;
}

std::string best_backend(const std::vector<Backend>& all) {
  bool has_engine = false;
  for (const Backend& one : all) {
    const bool is_engine = one.name == "docker" || one.name == "podman" || one.name == "apptainer";
    if (is_engine && one.works) return one.name;
    has_engine = has_engine || (is_engine && one.is_there);
    if (one.name == "bubblewrap" && one.works && !has_engine) return one.name;
  }
  return {};
}

bool BackendSurvey::is_fresh() const {
  const std::lock_guard lock(mutex_);
  return !known_.empty() && Clock::now() - known_at_ < kFreshFor;
}

std::vector<Backend> BackendSurvey::backends() {
  const auto known = [this] {
    const std::lock_guard lock(mutex_);
    return known_;
  };
  if (is_fresh()) return known();
  std::unique_lock asking(asking_, std::defer_lock);
  if (!asking.try_lock()) {
    if (auto old = known(); !old.empty()) return old;
    asking.lock();
  }
  if (!is_fresh()) {
    std::vector<Backend> found = survey_backends();
    const std::lock_guard lock(mutex_);
    known_ = std::move(found);
    known_at_ = Clock::now();
  }
  return known();
}

}  // namespace sagittal::hub
