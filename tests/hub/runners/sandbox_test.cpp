#include "hub/runners/sandbox.h"

#include <gtest/gtest.h>

#include <fstream>

#include "expect_error.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

class Job : public testing::Test {
 protected:
  Job() { job.mounts = {{folder.path(), "/out", true}}; }
  const Scratch folder;
  SandboxJob job{.name = "run-1", .image = "localhost/model:1"};
};

TEST_F(Job, IsCheckedBeforeAnybodySeesIt) {
  EXPECT_NO_THROW(check(job));
  const auto refused = [&](auto change) {
    SandboxJob changed = job;
    change(changed);
    EXPECT_ERROR(check(changed), ErrorCode::bad_input);
  };
  refused([](SandboxJob& j) { j.name = "--privileged"; });
  refused([](SandboxJob& j) { j.name = "a b"; });
  refused([](SandboxJob& j) { j.name.clear(); });
  refused([](SandboxJob& j) { j.image = "--volume=/:/host"; });
  refused([](SandboxJob& j) { j.image = "a\nb"; });
  refused([](SandboxJob& j) { j.mounts[0].inside = "out"; });
  refused([](SandboxJob& j) { j.mounts[0].inside = "/out/../etc"; });
  refused([](SandboxJob& j) { j.mounts[0].inside = "/"; });
  refused([](SandboxJob& j) { j.mounts[0].host = "relative"; });
  refused([](SandboxJob& j) { j.mounts[0].host = "/no/such/folder"; });
  refused([](SandboxJob& j) { j.scratch = {"tmp"}; });
  refused([](SandboxJob& j) { j.environment = {"NOTHING"}; });
  refused([](SandboxJob& j) { j.environment = {"=x"}; });
  refused([](SandboxJob& j) { j.gpus = {-1}; });
  refused([](SandboxJob& j) { j.limits.cpus = 0; });
  refused([](SandboxJob& j) { j.limits.memory_bytes = 0; });
}

TEST_F(Job, MayWriteSoMuch) {
  job.limits.output_bytes = 100;
  EXPECT_EQ(excess_of(job), "");
  std::ofstream(folder / "a") << std::string(60, 'x');
  EXPECT_EQ(excess_of(job), "");
  std::filesystem::create_directory(folder / "below");
  std::ofstream(folder.path() / "below" / "b") << std::string(60, 'x');
  EXPECT_NE(excess_of(job), "");
}

TEST_F(Job, IsNotChargedForWhatItsLinksPointAt) {
  const Scratch other;
  std::ofstream(other / "large") << std::string(1000, 'x');
  job.limits.output_bytes = 100;
  std::filesystem::create_symlink(other / "large", folder / "link");
  std::filesystem::create_directory_symlink(other.path(), folder / "folder");
  EXPECT_EQ(excess_of(job), "");
}

TEST(RunEnds, AreToldInWords) {
  const Limits limits{.memory_bytes = std::uint64_t{8} << 30, .time = std::chrono::minutes(30)};
  EXPECT_EQ(describe({.how = RunEnd::How::out_of_memory}, limits),
            "needed more than the 8.0 GiB of memory that it may have");
  EXPECT_EQ(describe({.how = RunEnd::How::timed_out}, limits), "was not done within 30 minutes");
  EXPECT_EQ(describe({.status = 3}, limits), "ended with status 3");
}

}  // namespace
}  // namespace sagittal::hub
