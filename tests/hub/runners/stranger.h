#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/error.h"
#include "hub/runners/process.h"
#include "hub/runners/sandbox.h"
#include "scratch.h"

namespace sagittal::hub {

/// A small image with a shell, a read-only input "scan" and an output folder: what the tests of a runner give a script
/// to. The same promises are asked of each runner (`promises_of`).
class Stranger {
 public:
  static constexpr const char* kBusybox = "/bin/busybox";

  /// Tests run side by side, and no two runs on a machine may have one name.
  explicit Stranger(const std::string& name) : name_(name + "-" + std::to_string(::getpid())) {
    namespace fs = std::filesystem;
    for (const char* path : {"image/bin", "image/proc", "image/dev", "image/sys", "image/tmp", "image/root", "image/in",
                             "image/out", "in", "out"}) {
      fs::create_directories(folder_ / path);
    }
    fs::copy_file(kBusybox, image() / "bin" / "busybox");
    for (const char* tool : {"sh", "cat", "ls", "sleep", "echo", "dd", "id", "ip", "ln", "touch", "mkdir", "env", "wc",
                             "tail", "head", "ps", "yes", "grep"}) {
      fs::create_symlink("busybox", image() / "bin" / tool);
    }
    std::ofstream(folder_ / "in/scan") << "voxels\n";
    std::ofstream(folder_ / "secret") << "of the host\n";
    fs::permissions(folder_ / "out", fs::perms::all);
  }

  std::filesystem::path image() const { return folder_ / "image"; }
  std::filesystem::path out() const { return folder_ / "out"; }
  std::filesystem::path folder() const { return folder_.path(); }

  /// A run of a script of the image's shell.
  SandboxJob job(const std::string& image, const std::string& script) const {
    SandboxJob job{.name = name_, .image = image};
    job.arguments = {"/bin/sh", "-c", script};
    job.mounts = {{folder_ / "in", "/in", false}, {out(), "/out", true}};
    job.limits.memory_bytes = std::uint64_t{64} << 20;
    job.limits.scratch_bytes = std::uint64_t{8} << 20;
    job.limits.shared_memory_bytes = std::uint64_t{8} << 20;
    job.limits.processes = 32;
    job.limits.time = std::chrono::seconds(60);
    return job;
  }

  struct Run {
    RunEnd end;
    std::string said;
  };
  Run run(const Runner& runner, const SandboxJob& job, const CancelToken& cancel = {}) const {
    RunLog log(folder_ / "log", 1 << 20);
    RunControl control;
    control.cancel = cancel;
    const RunEnd end = runner.run(job, log, control);
    log.finish();
    return {end, log.tail(50)};
  }

  std::string written(const std::string& file) const {
    std::ifstream stream(out() / file);
    return std::string((std::istreambuf_iterator<char>(stream)), {});
  }

 private:
  const std::string name_;
  const Scratch folder_;
};

/// What every runner promises of a stranger's program in `image`.
void expect_promises(const Runner& runner, const std::string& image, const Stranger& stranger);

}  // namespace sagittal::hub
