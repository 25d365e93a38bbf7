#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// What bubblewrap is told, without its program. `proc`: the host's, whose dangerous parts are closed inside. Source:
/// bwrap(1) of bubblewrap 0.8.
std::vector<std::string> bubblewrap_arguments(const SandboxJob& job, const std::filesystem::path& proc);

/// Runs programs of unpacked images, without an engine and without root: namespaces by bubblewrap, limits by control
/// groups where this process may make them. Where it may not, each process is limited by itself and the end says so.
/// The image is never writable: Error(unsupported) for a job with a writable layer.
class BubblewrapRunner : public Runner {
 public:
  explicit BubblewrapRunner(std::filesystem::path program) : program_(std::move(program)) {}

  std::string_view name() const override { return "bubblewrap"; }
  /// The folder's canonical path. Error(not_found).
  std::string pin(const std::string& image, const RunControl& control) const override;
  RunEnd run(const SandboxJob& job, RunLog& log, const RunControl& control) const override;

 private:
  const std::filesystem::path program_;
};

}  // namespace sagittal::hub
