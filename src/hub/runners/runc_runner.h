#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "hub/runners/gpu.h"
#include "hub/runners/process.h"
#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// Whose rights runc is started with.
struct Caller {
  unsigned user = 0;
  unsigned group = 0;
};

/// The config.json of a bundle for `job`, which is given `gpus` of its GPUs and whose image is a folder: no rights, no
/// network, the image read-only, the kernel's dangerous files and calls closed. Root's runs are limited by control
/// groups of the run's name, others by a user namespace and limits of each process. Source: the OCI runtime
/// specification 1.0.2.
Json runc_config(const SandboxJob& job, const Caller& caller, const GpuAccess& gpus = {});

/// Runs programs of unpacked images with runc alone: what Docker and Podman use below, without a service, a store or a
/// registry. The image is never writable; where a mount or scratch folder has no place in it, runc makes an empty
/// folder there.
class RuncRunner : public Runner {
 public:
  /// `state`: a folder of this program's own for what runs now; made where it is not there.
  RuncRunner(std::filesystem::path program, std::filesystem::path state);

  std::string_view name() const override { return "runc"; }
  std::string version() const override { return version_of(program_); }
  /// The folder's canonical path. Error(not_found).
  std::string pin(const std::string& image, const RunControl& control) const override;
  /// Error(unsupported) for a job with a writable layer.
  RunEnd run(const SandboxJob& job, RunLog& log, const RunControl& control) const override;

  /// Ends and removes what a run of that name left behind, if anything. Never fails.
  void remove_left(const std::string& job_name) const noexcept;

 private:
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;

  const std::filesystem::path program_, state_;
};

}  // namespace sagittal::hub
