#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "hub/runners/container_command.h"
#include "hub/runners/engine_images.h"
#include "hub/runners/process.h"
#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// Runs images with the user's Docker, Podman or Apptainer.
class ContainerRunner : public Runner {
 public:
  /// `program`: the engine's command.
  ContainerRunner(Engine engine, std::filesystem::path program);

  std::string_view name() const override { return name_of(engine_); }
  /// Of Docker its service's: a client without one is of no use.
  std::string version() const override;
  /// Docker, Podman: pulls where the image is not here, and answers its digest, or its id where it never was in a
  /// registry. Apptainer: the path of an image file.
  std::string pin(const std::string& image, const RunControl& control) const override;
  RunEnd run(const SandboxJob& job, RunLog& log, const RunControl& control) const override;

  /// What the engine holds, the largest first. Apptainer holds nothing. Error(unavailable).
  std::vector<EngineImage> images(const CancelToken& cancel) const;
  /// Removes an image by all its names. Never by force: Error(conflict) in the engine's words while a container uses
  /// it.
  void remove_image(const EngineImage& image) const;

  /// Ends and removes what a run of that name left behind, if anything. Never fails.
  void remove_left(const std::string& job_name) const noexcept;

 private:
  Command command(std::vector<std::string> arguments) const;
  bool limits_groups(const CancelToken& cancel) const;
  std::string ask(std::vector<std::string> arguments, const CancelToken& cancel) const;
  [[noreturn]] void fail(const RunLog& log) const;
  RunEnd end_of(const SandboxJob& job, const ProcessEnd& end, const RunLog& log) const;

  const Engine engine_;
  const std::filesystem::path program_;
};

}  // namespace sagittal::hub
