#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hub/runners/gpu.h"
#include "hub/runners/process.h"
#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// What bubblewrap is told, without its program. `gpus`: what is given of the job's GPUs. `proc`: the host's, whose
/// dangerous parts are closed inside. Source: bwrap(1) of bubblewrap 0.8.
std::vector<std::string> bubblewrap_arguments(const SandboxJob& job, const std::filesystem::path& proc,
                                              const GpuAccess& gpus = {});

/// The same with another "/" than the job's image: `root` holds the options that mount it, and what it then has no
/// place for is made in memory. Only what installs software, and sees no data, is given the `network`.
std::vector<std::string> bubblewrap_arguments(const SandboxJob& job, const std::vector<std::string>& root, bool network,
                                              const std::filesystem::path& proc, const GpuAccess& gpus = {});

/// Options for a "/" of the host's programs and libraries, without settings, devices and people's files.
std::vector<std::string> system_root();

/// Runs `program` (bubblewrap) with `arguments` and the job's limits, and says how it ended. `options`: what listens to
/// it; its time limit is the job's. Errors as those of Runner::run.
RunEnd run_bubblewrap(const std::filesystem::path& program, const SandboxJob& job,
                      const std::vector<std::string>& arguments, ProcessOptions options, const CancelToken& cancel);

/// Runs programs of unpacked images, without an engine and without root: namespaces by bubblewrap, limits by control
/// groups where this process may make them. Where it may not, each process is limited by itself and the end says so.
/// The image is never writable: Error(unsupported) for a job with a writable layer.
class BubblewrapRunner : public Runner {
 public:
  explicit BubblewrapRunner(std::filesystem::path program) : program_(std::move(program)) {}

  std::string_view name() const override { return "bubblewrap"; }
  std::string version() const override { return version_of(program_); }
  /// The folder's canonical path. Error(not_found).
  std::string pin(const std::string& image, const RunControl& control) const override;
  RunEnd run(const SandboxJob& job, RunLog& log, const RunControl& control) const override;

 private:
  const std::filesystem::path program_;
};

}  // namespace sagittal::hub
