#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "hub/image/image_store.h"
#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// Runs images of registries with a runner of unpacked folders, so that no engine is needed. An image's entry point,
/// variables and folder are as its maker wants them; a job's own variables come after them.
class UnpackedImageRunner : public Runner {
 public:
  UnpackedImageRunner(std::unique_ptr<Runner> inner, ImageStore store)
      : inner_(std::move(inner)), store_(std::move(store)) {}

  std::string_view name() const override { return inner_->name(); }
  std::string version() const override { return inner_->version(); }
  /// A folder stays one. Of a name: "docker.io/mhubai/lungmask@sha256:…", pulled where it is not here.
  std::string pin(const std::string& image, const RunControl& control) const override;
  RunEnd run(const SandboxJob& job, RunLog& log, const RunControl& control) const override;

 private:
  const std::unique_ptr<Runner> inner_;
  const ImageStore store_;
};

}  // namespace sagittal::hub
