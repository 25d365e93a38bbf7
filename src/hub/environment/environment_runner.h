#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "hub/environment/environment_lock.h"
#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// Runs a folder of Python code in the environment that its lock file describes, under bubblewrap. An "image" is that
/// folder; its program sees it as /opt/model, the environment as /opt/environment, both read-only, and of the host only
/// programs and libraries (/usr), never settings or people's files. "python" is the environment's.
class EnvironmentRunner : public Runner {
 public:
  struct Options {
    std::filesystem::path bubblewrap;
    std::optional<std::filesystem::path> uv = {};  ///< needed to make environments, not to run in them
    std::filesystem::path cache;                   ///< environments are its folders, named by `EnvironmentLock::key`
    bool builds = false;  ///< packages without wheels run their own code while the network is open
  };
  explicit EnvironmentRunner(Options options) : options_(std::move(options)) {}

  std::string_view name() const override { return "environment"; }
  /// "bubblewrap 0.8.0"
  std::string version() const override;

  /// The folder's canonical path, once its environment is there: where it is not, uv installs it, checks every hash, in
  /// a sandbox with the network that sees nothing but the lock file. What was downloaded is kept when that is cut off;
  /// an environment is there whole or not at all; of several who ask, one makes it. Error(not_found) without uv,
  /// Error(unavailable) where it fails; errors of `read_environment_lock`.
  std::string pin(const std::string& image, const RunControl& control) const override;

  /// Of what the environment was made from (`EnvironmentLock::key`); the code beside the lock is not in it.
  std::string digest_of(const std::string& pinned) const override;

  /// Error(not_found) where `pin` has not made the environment; Error(unsupported) for a job with a writable layer.
  RunEnd run(const SandboxJob& job, RunLog& log, const RunControl& control) const override;

  /// The environment's folder in the cache; nothing where there is none for what the lock file says now.
  std::optional<std::filesystem::path> made(const std::string& image) const;

 private:
  void make(const EnvironmentLock& lock, const std::filesystem::path& part, const RunControl& control) const;

  const Options options_;
};

}  // namespace sagittal::hub
