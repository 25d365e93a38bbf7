#pragma once
#include <functional>
#include <string>

#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// A model that does what the test says, in the place of a sandbox.
class FakeModel final : public Runner {
 public:
  using Script = std::function<RunEnd(const std::filesystem::path& in, const std::filesystem::path& out, RunLog& log)>;
  explicit FakeModel(Script script) : script_(std::move(script)) {}

  std::string_view name() const override { return "fake"; }
  std::string version() const override { return "7"; }
  std::string pin(const std::string& image, const RunControl&) const override { return image + "@sha256:0"; }
  RunEnd run(const SandboxJob& job, RunLog& log, const RunControl& control) const override {
    check(job);
    control.check();
    last = job;
    return script_(place(job, "/app/data/input_data"), place(job, "/app/data/output_data"), log);
  }
  static std::filesystem::path place(const SandboxJob& job, const std::string& inside) {
    for (const Mount& mount : job.mounts) {
      if (mount.inside == inside) return mount.host;
    }
    return {};
  }

  mutable SandboxJob last;

 private:
  const Script script_;
};

}  // namespace sagittal::hub
