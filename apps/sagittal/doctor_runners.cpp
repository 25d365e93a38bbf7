#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "base/error.h"
#include "doctor_finding.h"
#include "hub/jobs/survey.h"
#include "hub/runners/control_group.h"
#include "hub/runners/process.h"

namespace sagittal::commands {
namespace {

const hub::Backend& named(const std::vector<hub::Backend>& all, std::string_view name) {
  return *std::find_if(all.begin(), all.end(), [&](const hub::Backend& each) { return each.name == name; });
}

/// The first engine that works, or why one that is there does not.
Finding containers(const std::vector<hub::Backend>& all) {
  Finding best{"containers", true, "none (only needed for models that come as containers)", "apt-get install podman"};
  for (const char* name : {"podman", "docker", "apptainer"}) {
    const hub::Backend& one = named(all, name);
    if (!one.is_there) continue;
    best = {"containers", true, one.found, one.mend};
    if (one.works) break;
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

/// Whether the sandboxes that are no engine can limit a run as a whole.
Finding limits() {
  if (hub::ControlGroup::make(fmt::format("doctor-{}", ::getpid()), {})) {
    return {"limits", true, "memory and processes of bubblewrap's runs are limited as a whole", ""};
  }
  return {"limits", true, "memory and processes of bubblewrap's runs are limited for each process only",
          "start it with: systemd-run --user --scope sagittal …"};
}

Finding finding_of(const hub::Backend& one, const char* topic) { return {topic, true, one.found, one.mend}; }

}  // namespace

std::vector<Finding> examine_runners() {
  const std::vector<hub::Backend> all = hub::survey_backends();
  const hub::Backend& cluster = named(all, "slurm");
  Finding slurm = finding_of(cluster, "Slurm");
  if (!cluster.is_there) slurm.mend.clear();  // who has no cluster needs none
  return {containers(all),
          rootless(),
          finding_of(named(all, "bubblewrap"), "bubblewrap"),
          finding_of(named(all, "runc"), "runc"),
          finding_of(named(all, "environment"), "environments"),
          limits(),
          std::move(slurm)};
}

}  // namespace sagittal::commands
