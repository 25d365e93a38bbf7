#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "hub/runners/sandbox.h"

namespace sagittal::hub {

enum class Engine { docker, podman, apptainer };

std::string_view name_of(Engine engine);

/// What an engine started by this process can limit.
struct OwnLimits {
  int open_files = 0;  ///< this process's own hard limit
  int processes = 0;   ///< this process's own hard limit
  bool groups = true;  ///< whether memory, processors and processes of a container are limited together
};

/// What the engine's program is told, without the program itself.
/// Docker and Podman keep the container when it ends, so that it can be asked how; Apptainer has nothing to keep.
/// Sources: docs.docker.com/reference/cli/docker/container/run, docs.podman.io, apptainer.org/docs/user/main.
std::vector<std::string> run_arguments(Engine engine, const SandboxJob& job, const OwnLimits& own);

/// Apptainer's variables travel in the environment of its program; its --env would cut values at commas.
std::vector<std::string> apptainer_environment(const SandboxJob& job);

/// `host` as one value of --mount, which is CSV.
std::string bind_option(const Mount& mount);

}  // namespace sagittal::hub
