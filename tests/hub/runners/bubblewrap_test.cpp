#include "hub/runners/bubblewrap.h"

#include <gmock/gmock.h>

#include "expect_error.h"
#include "stranger.h"

namespace sagittal::hub {
namespace {

class Bubblewrap : public testing::Test {
 protected:
  void SetUp() override {
    const auto program = find_program("bwrap");
    if (!program) GTEST_SKIP() << "bubblewrap is not installed";
    if (!std::filesystem::exists(Stranger::kBusybox)) GTEST_SKIP() << "busybox-static is not installed";
    const ProcessEnd end =
        run_process({{program->string(), "--unshare-all", "--ro-bind", "/", "/", "/bin/true"}, std::nullopt}, {}, {});
    if (end.status != 0) GTEST_SKIP() << "this machine allows no namespaces";
    runner = std::make_unique<BubblewrapRunner>(*program);
  }
  std::unique_ptr<BubblewrapRunner> runner;
};

TEST_F(Bubblewrap, KeepsEveryPromise) {
  const Stranger stranger("test-bubblewrap");
  expect_promises(*runner, runner->pin(stranger.image().string(), {}), stranger);
}

TEST_F(Bubblewrap, HasNoImageToWriteIn) {
  const Stranger stranger("test-bubblewrap-layer");
  SandboxJob job = stranger.job(stranger.image().string(), "true");
  job.hardening = Hardening::writable_layer;
  EXPECT_ERROR(stranger.run(*runner, job), ErrorCode::unsupported);
}

TEST_F(Bubblewrap, NeedsAFolder) { EXPECT_ERROR(runner->pin("/no/such/image", {}), ErrorCode::not_found); }

}  // namespace
}  // namespace sagittal::hub
