#include <pwd.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "base/error.h"
#include "doctor_finding.h"
#include "hub/runners/container_runner.h"
#include "hub/runners/control_group.h"
#include "hub/runners/process.h"
#include "hub/runners/slurm.h"

namespace sagittal::commands {
namespace {

constexpr std::chrono::seconds kAnswerTime{5};

std::string text_of(const char* file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

bool is_set(const char* file, char value) { return text_of(file).starts_with(value); }

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Finding engine(hub::Engine which) {
  const std::string name(hub::name_of(which));
  const auto program = hub::find_program(name);
  if (!program) return {name, true, "none"};
  try {
    return {name, true, fmt::format("{} ({})", program->string(), hub::ContainerRunner(which, *program).version())};
  } catch (const Error& error) {
    return {name, true, error.what(),
            fmt::format("start the service of {0}, and see that `{0} version` answers you", name)};
  }
}

/// The first engine that answers, or why one that is there does not.
Finding containers() {
  Finding best{"containers", true, "none (only needed for models that come as containers)", "apt-get install podman"};
  for (const hub::Engine which : {hub::Engine::podman, hub::Engine::docker, hub::Engine::apptainer}) {
    const Finding one = engine(which);
    if (one.found == "none") continue;
    best = {"containers", true, one.found, one.mend};
    if (one.mend.empty()) break;
  }
  return best;
}

/// What Podman needs to give a person's containers users of their own.
Finding rootless() {
  if (!hub::find_program("podman")) return {"rootless", true, "none (Podman without root needs Podman)", ""};
  if (::geteuid() == 0) return {"rootless", true, "you are root: Podman runs as root", ""};
  if (!hub::find_program("newuidmap")) {
    return {"rootless", true, "no newuidmap: many images do not start", "apt-get install uidmap"};
  }
  const passwd* user = ::getpwuid(::geteuid());
  const std::string name = user == nullptr ? fmt::format("{}", ::geteuid()) : user->pw_name;
  for (const char* file : {"/etc/subuid", "/etc/subgid"}) {
    bool has_range = false;
    std::ifstream ranges(file);
    for (std::string line; std::getline(ranges, line);) {
      const std::string owner = line.substr(0, line.find(':'));
      has_range = has_range || owner == name || owner == fmt::format("{}", ::geteuid());
    }
    if (!has_range) {
      return {"rootless", true, fmt::format("{} has no range in {}", name, file),
              fmt::format("usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {}", name)};
    }
  }
  return {"rootless", true, "ready", ""};
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

/// Bubblewrap, tried; empty `mend` where it works.
Finding bubblewrap() {
  const auto program = hub::find_program("bwrap");
  if (!program) {
    return {"bubblewrap", true, "none (runs unpacked images and environments without root)",
            "apt-get install bubblewrap"};
  }
  try {
    hub::output_of(
        {{program->string(), "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "/bin/sh", "-c", ":"},
         std::nullopt},
        kAnswerTime, {});
    return {"bubblewrap", true, program->string(), ""};
  } catch (const Error& error) {
    return {"bubblewrap", true, error.what(), mend_namespaces()};
  }
}

Finding runc() {
  const auto program = hub::find_program("runc");
  if (!program) return {"runc", true, "none (runs unpacked images without an engine)", "apt-get install runc"};
  try {
    const std::string version = hub::output_of({{program->string(), "--version"}, std::nullopt}, kAnswerTime, {});
    return {"runc", true, fmt::format("{} ({})", program->string(), first_line(version)), ""};
  } catch (const Error& error) {
    return {"runc", true, error.what(), "apt-get install --reinstall runc"};
  }
}

/// `sandbox`: what `bubblewrap` found.
Finding environments(const Finding& sandbox) {
  const auto uv = hub::find_program("uv");
  if (!uv) return {"environments", true, "no uv (makes locked Python environments)", "pip install uv"};
  if (!sandbox.mend.empty()) {
    return {"environments", true, uv->string() + ", but bubblewrap does not work", sandbox.mend};
  }
  return {"environments", true, uv->string(), ""};
}

/// Whether the sandboxes that are no engine can limit a run as a whole.
Finding limits() {
  if (hub::ControlGroup::make(fmt::format("doctor-{}", ::getpid()), {})) {
    return {"limits", true, "memory and processes of bubblewrap's runs are limited as a whole", ""};
  }
  return {"limits", true, "memory and processes of bubblewrap's runs are limited for each process only",
          "start it with: systemd-run --user --scope sagittal …"};
}

Finding slurm() {
  if (!hub::find_program("sbatch")) return {"Slurm", true, "none (only needed to send jobs to a cluster)", ""};
  try {
    return {"Slurm", true, hub::Slurm().version(kAnswerTime), ""};
  } catch (const Error& error) {
    return {"Slurm", true, error.what(), "see that `squeue` answers you: SLURM_CONF, the controller, munge"};
  }
}

}  // namespace

std::vector<Finding> examine_runners() {
  const Finding sandbox = bubblewrap();
  return {containers(), rootless(), sandbox, runc(), environments(sandbox), limits(), slurm()};
}

}  // namespace sagittal::commands
