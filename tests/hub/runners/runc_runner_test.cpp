#include "hub/runners/runc_runner.h"

#include <gmock/gmock.h>

#include "expect_error.h"
#include "hub/runners/control_group.h"
#include "stranger.h"

namespace sagittal::hub {
namespace {

using testing::HasSubstr;

SandboxJob sample() {
  SandboxJob job{.name = "run-7", .image = "/images/lungmask"};
  job.arguments = {"/bin/mhub", "--workflow", "a b"};
  job.mounts = {{"/jobs/7/in", "/app/data/input_data", false}, {"/jobs/7/out", "/app/data/output_data", true}};
  job.environment = {"A=b, c"};
  job.limits.memory_bytes = 1024;
  job.limits.processes = 5;
  job.limits.cpus = 1.5;
  return job;
}

TEST(RuncConfig, GivesNoRights) {
  const Json config = runc_config(sample(), {0, 0});
  for (const auto& [set, held] : config["process"]["capabilities"].items()) EXPECT_TRUE(held.empty()) << set;
  EXPECT_EQ(config["process"]["noNewPrivileges"], true);
  EXPECT_EQ(config["root"]["readonly"], true);
  EXPECT_EQ(config["process"]["args"], (Json{"/bin/mhub", "--workflow", "a b"}));
  EXPECT_THAT(config["linux"]["namespaces"].dump(), HasSubstr(R"({"type":"network"})"));
}

TEST(RuncConfig, LimitsRootsRunsTogether) {
  const Json system = runc_config(sample(), {0, 0})["linux"];
  EXPECT_EQ(system["resources"]["memory"], (Json{{"limit", 1024}, {"swap", 1024}}));
  EXPECT_EQ(system["resources"]["pids"]["limit"], 5);
  EXPECT_EQ(system["resources"]["cpu"]["quota"], 150'000);
  EXPECT_EQ(system["cgroupsPath"], "sagittal-run-7");
  EXPECT_EQ(system["resources"]["devices"][0], (Json{{"allow", false}, {"access", "rwm"}}));
}

TEST(RuncConfig, LimitsOthersRunsByProcess) {
  const Json config = runc_config(sample(), {1000, 100});
  EXPECT_FALSE(config["linux"].contains("resources"));
  EXPECT_EQ(config["linux"]["uidMappings"][0]["hostID"], 1000);
  EXPECT_EQ(config["linux"]["gidMappings"][0]["hostID"], 100);
  EXPECT_THAT(config["process"]["rlimits"].dump(), HasSubstr(R"({"hard":1024,"soft":1024,"type":"RLIMIT_AS"})"));
}

TEST(RuncConfig, ShowsTheMountsOnly) {
  Json binds = Json::array();
  const Json config = runc_config(sample(), {0, 0});
  for (const Json& mount : config["mounts"]) {
    if (mount["type"] == "bind") binds.push_back(mount);
  }
  ASSERT_EQ(binds.size(), 2U);
  EXPECT_EQ(binds[0]["source"], "/jobs/7/in");
  EXPECT_EQ(binds[0]["options"], (Json{"rbind", "rprivate", "nosuid", "ro", "nodev"}));
  EXPECT_EQ(binds[1]["destination"], "/app/data/output_data");
  EXPECT_EQ(binds[1]["options"], (Json{"rbind", "rprivate", "nosuid", "rw", "nodev"}));
}

class Runc : public testing::Test {
 protected:
  void SetUp() override {
    const auto program = find_program("runc");
    if (!program) GTEST_SKIP() << "runc is not installed";
    runner = std::make_unique<RuncRunner>(*program, stranger.folder() / "state");
    try {
      stranger.run(*runner, stranger.job(stranger.image().string(), "true"));
    } catch (const Error& error) {
      GTEST_SKIP() << "runc runs nothing on this machine: " << error.what();
    }
  }
  const Stranger stranger{"test-runc"};
  std::unique_ptr<RuncRunner> runner;
};

TEST_F(Runc, KeepsEveryPromise) {
  expect_promises(*runner, runner->pin(stranger.image().string(), {}), stranger);
  EXPECT_FALSE(ControlGroup::find(stranger.job("", "").name).has_value()) << "a control group is left";
  EXPECT_TRUE(std::filesystem::is_empty(stranger.folder() / "state/runc"));
}

TEST_F(Runc, KnowsWantOfMemory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has control groups here";
  const auto run = stranger.run(
      *runner, stranger.job(stranger.image().string(), "x=$(yes | head -c 200000000); echo ${#x} >/out/held"));
  EXPECT_EQ(run.end.how, RunEnd::How::out_of_memory);
}

TEST_F(Runc, ClosesCallsOfTheKernel) {
  const auto run = stranger.run(*runner, stranger.job(stranger.image().string(), "grep Seccomp: /proc/self/status"));
  EXPECT_THAT(run.said, HasSubstr("2"));
}

TEST_F(Runc, ThatCannotBeginIsNotTheProgrammesFault) {
  SandboxJob job = stranger.job(stranger.image().string(), "true");
  job.arguments = {"/no/such/program"};
  EXPECT_ERROR(stranger.run(*runner, job), ErrorCode::unavailable);
  job.hardening = Hardening::writable_layer;
  EXPECT_ERROR(stranger.run(*runner, job), ErrorCode::unsupported);
  EXPECT_ERROR(runner->pin("/no/such/image", {}), ErrorCode::not_found);
}

}  // namespace
}  // namespace sagittal::hub
