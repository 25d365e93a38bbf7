#include "hub/runners/slurm.h"

#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "base/error.h"
#include "expect_error.h"
#include "hub/runners/process.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

using Kind = SlurmState::Kind;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

SlurmJob job_in(const std::filesystem::path& folder) {
  SlurmJob job;
  job.name = "sagittal-test";
  job.command = {"/bin/true"};
  job.folder = folder;
  job.log = folder / "log";
  job.memory_bytes = std::uint64_t{64} << 20;
  job.time = std::chrono::minutes(5);
  return job;
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}

/// A cluster that is four scripts.
class FakeSlurm : public testing::Test {
 protected:
  FakeSlurm() {
    for (const char* name : {"sbatch", "squeue", "scancel"}) program(name, "exit 0");
  }
  void program(const std::string& name, const std::string& script) const {
    const auto path = folder / name;
    std::ofstream(path) << "#!/bin/sh\necho \"" << name << " $*\" >>" << (folder / "calls").string() << "\n" << script;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  Slurm slurm() const { return Slurm(folder.path()); }
  SlurmState state_when(const std::string& squeue) const {
    program("squeue", squeue);
    return slurm().state("7");
  }
  std::string calls() const { return text_of(folder / "calls"); }

  const Scratch folder;
};

TEST_F(FakeSlurm, GivesTheJobsId) {
  program("sbatch", "echo 'sbatch: lua: be nice' >&2; echo '4711;cluster'");
  EXPECT_EQ(slurm().submit(job_in(folder.path()), {}), "4711");
}

TEST_F(FakeSlurm, GetsTheWholeJob) {
  program("sbatch", "for last; do :; done; cat \"$last\" >" + (folder / "script").string() + "; echo 1");
  SlurmJob job = job_in(folder.path());
  job.command = {"/bin/echo", "a b", "it's; $(touch x) `y` \"z\"\n&"};
  job.log = folder / "50%j.log";
  job.cpus = 3;
  job.gpus = 2;
  job.partition = "long";
  job.account = "lab/one";
  job.options = {"--constraint=a100|v100", "--exclusive"};
  slurm().submit(job, {});
  EXPECT_EQ(text_of(folder / "script"), "#!/bin/sh\nexec '/bin/echo' 'a b' 'it'\\''s; $(touch x) `y` \"z\"\n&'\n");
  const auto arguments = sbatch_arguments(job, "/tmp/script");
  for (const char* part : {"--no-requeue", "--cpus-per-task=3", "--mem=64M", "--time=5", "--gres=gpu:2",
                           "--partition=long", "--account=lab/one", "--constraint=a100|v100", "--exclusive"}) {
    EXPECT_THAT(arguments, Contains(part));
  }
  EXPECT_THAT(arguments, Contains("--output=" + (folder / "50%%j.log").string()));
  EXPECT_EQ(arguments.back(), "/tmp/script");
}

TEST_F(FakeSlurm, LeavesNoScriptAndTakesNoSecrets) {
  ::setenv("SAGITTAL_TEST_SECRET", "hidden", 1);
  program("sbatch", "for last; do :; done; echo $last >" + (folder / "path").string() + "; env >" +
                        (folder / "env").string() + "; echo 1");
  SlurmJob job = job_in(folder.path());
  job.environment = {"ANSWER=4 2"};
  slurm().submit(job, {});
  ::unsetenv("SAGITTAL_TEST_SECRET");
  std::string path = text_of(folder / "path");
  path.pop_back();
  EXPECT_FALSE(std::filesystem::exists(path)) << path;
  EXPECT_THAT(text_of(folder / "env"), HasSubstr("ANSWER=4 2\n"));
  EXPECT_THAT(text_of(folder / "env"), HasSubstr("PATH="));
  EXPECT_THAT(text_of(folder / "env"), Not(HasSubstr("hidden")));
}

TEST_F(FakeSlurm, ThatSaysNoIsBelieved) {
  program("sbatch", "echo 'sbatch: error: invalid partition specified: x' >&2; exit 1");
  try {
    slurm().submit(job_in(folder.path()), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_input);
    EXPECT_THAT(error.what(), HasSubstr("invalid partition"));
  }
  program("sbatch", "echo 'sbatch: error: Batch job submission failed: Unable to contact slurm controller'; exit 1");
  EXPECT_ERROR(slurm().submit(job_in(folder.path()), {}), ErrorCode::unavailable);
  program("sbatch", "echo nothing to see");
  EXPECT_ERROR(slurm().submit(job_in(folder.path()), {}), ErrorCode::unavailable);
}

TEST_F(FakeSlurm, IsAskedForAStateOnly) {
  EXPECT_EQ(state_when("echo 'PENDING        0        Resources   '"), (SlurmState{Kind::pending, 0, "Resources"}));
  EXPECT_EQ(state_when("echo 'PENDING 0 ReqNodeNotAvail, UnavailableNodes:n[1-3] '").reason,
            "ReqNodeNotAvail, UnavailableNodes:n[1-3]");
  EXPECT_EQ(state_when("echo 'RUNNING 0 None'"), SlurmState{Kind::running});
  EXPECT_EQ(state_when("echo 'COMPLETING 0 None'"), SlurmState{Kind::running});
  EXPECT_EQ(state_when("echo 'COMPLETED 0 None'"), SlurmState{Kind::done});
  EXPECT_EQ(state_when("echo 'FAILED 768 NonZeroExitCode'"), (SlurmState{Kind::failed, 3, "NonZeroExitCode"}));
  EXPECT_EQ(state_when("echo 'FAILED 11 RaisedSignal:11'").status, 128 + 11);
  EXPECT_EQ(state_when("echo 'CANCELLED 0 None'").kind, Kind::cancelled);
  EXPECT_EQ(state_when("echo 'TIMEOUT 0 TimeLimit'").kind, Kind::timed_out);
  EXPECT_EQ(state_when("echo 'OUT_OF_MEMORY 9 OutOfMemory'").kind, Kind::out_of_memory);
  EXPECT_EQ(state_when("echo 'NODE_FAIL 1 NodeDown'").kind, Kind::node_lost);
  EXPECT_EQ(state_when("echo 'PREEMPTED 15 None'").kind, Kind::node_lost);
}

TEST_F(FakeSlurm, ThatDoesNotAnswerSaysNothingOfTheJob) {
  const SlurmState silent = state_when("echo 'slurm_load_jobs error: Unable to contact slurm controller'; exit 1");
  EXPECT_EQ(silent.kind, Kind::unknown);
  EXPECT_FALSE(silent.ended());
  EXPECT_THAT(describe(silent), HasSubstr("Unable to contact"));
  EXPECT_EQ(state_when("echo 'SOMETHING_NEW 0 None'").kind, Kind::unknown);
  EXPECT_EQ(state_when("echo killed; kill -9 $$").kind, Kind::unknown);
}

TEST_F(FakeSlurm, ForgetsAndAsksItsBooks) {
  const std::string gone = "echo 'slurm_load_jobs error: Invalid job id specified'; exit 1";
  EXPECT_EQ(state_when(gone).kind, Kind::forgotten) << "without sacct";
  program("sacct", "echo 'Slurm accounting storage is disabled'; exit 1");
  EXPECT_EQ(state_when(gone).kind, Kind::forgotten);
  program("sacct", "echo 'CANCELLED by 1000|0:0|None'");
  EXPECT_EQ(state_when(gone).kind, Kind::cancelled);
  program("sacct", "echo 'FAILED|2:0|NonZeroExitCode'");
  EXPECT_EQ(state_when(gone).status, 2);
  program("sacct", "echo 'sacct: error: slurmdbd: Connection refused'; exit 1");
  EXPECT_EQ(state_when(gone).kind, Kind::unknown);
  program("sacct", "exit 0");
  EXPECT_EQ(state_when(gone).kind, Kind::forgotten);
}

TEST_F(FakeSlurm, CancelsUntilTheJobIsGone) {
  const std::string asked = (folder / "asked").string();
  program("squeue", "echo x >>" + asked + "; [ $(wc -l <" + asked +
                        ") -lt 3 ] && echo 'COMPLETING 0 None' || echo 'CANCELLED 0 None'");
  EXPECT_EQ(slurm().cancel("12").kind, Kind::cancelled);
  EXPECT_THAT(calls(), HasSubstr("scancel 12\n"));
  program("squeue", "echo 'Unable to contact slurm controller'; exit 1");
  EXPECT_ERROR(slurm().cancel("12"), ErrorCode::unavailable);
}

TEST_F(FakeSlurm, IsFollowedThroughSilence) {
  const std::string asked = (folder / "asked").string();
  program("squeue", "echo x >>" + asked + "; case $(wc -l <" + asked +
                        ") in 1) echo 'PENDING 0 Priority';; 2) echo 'RUNNING 0 None';; 3) exit 1;; *) echo "
                        "'COMPLETED 0 None';; esac");
  std::vector<Kind> seen;
  const SlurmState end = slurm().follow("3", [&](const SlurmState& state) { seen.push_back(state.kind); }, {});
  EXPECT_EQ(end.kind, Kind::done);
  EXPECT_THAT(seen, testing::ElementsAre(Kind::pending, Kind::running, Kind::unknown, Kind::done));
}

TEST_F(FakeSlurm, FindsAJobByItsName) {
  program("squeue", "echo '9    '; echo '11   '");
  EXPECT_EQ(slurm().find("sagittal-test"), "11");
  EXPECT_THAT(calls(), HasSubstr("--name=sagittal-test"));
  program("squeue", "exit 0");
  EXPECT_EQ(slurm().find("sagittal-test"), std::nullopt);
  program("squeue", "exit 1");
  EXPECT_ERROR(slurm().find("sagittal-test"), ErrorCode::unavailable);
}

TEST_F(FakeSlurm, IsToldNothingThatIsNoJob) {
  const auto refused = [&](auto change) {
    SlurmJob job = job_in(folder.path());
    change(job);
    EXPECT_ERROR(slurm().submit(job, {}), ErrorCode::bad_input);
  };
  refused([](SlurmJob& j) { j.name = "--wrap=id"; });
  refused([](SlurmJob& j) { j.command = {}; });
  refused([](SlurmJob& j) { j.command = {"true"}; });
  refused([](SlurmJob& j) { j.folder = "relative"; });
  refused([](SlurmJob& j) { j.log = "/tmp/a\nb"; });
  refused([](SlurmJob& j) { j.log = "/tmp/a\\b"; });
  refused([](SlurmJob& j) { j.partition = "--uid=0"; });
  refused([](SlurmJob& j) { j.account = "a b"; });
  refused([](SlurmJob& j) { j.options = {"--wrap=id"}; });
  refused([](SlurmJob& j) { j.options = {"--output=/etc/passwd"}; });
  refused([](SlurmJob& j) { j.options = {"-n4"}; });
  refused([](SlurmJob& j) { j.options = {"/another/script"}; });
  refused([](SlurmJob& j) { j.environment = {"NOTHING"}; });
  refused([](SlurmJob& j) { j.cpus = 0; });
  refused([](SlurmJob& j) { j.time = std::chrono::minutes(0); });
  EXPECT_ERROR(slurm().state("7; rm"), ErrorCode::bad_input);
  EXPECT_ERROR(slurm().cancel("--user=root"), ErrorCode::bad_input);
  EXPECT_THAT(calls(), Not(HasSubstr("sbatch")));
}

TEST(NoSlurm, IsNotFound) {
  const Scratch folder;
  EXPECT_ERROR(Slurm{folder.path()}, ErrorCode::not_found);
}

/// `make test-engines` starts a cluster of one node and sets SAGITTAL_SLURM to its folder.
class RealSlurm : public testing::Test {
 protected:
  void SetUp() override {
    const char* cluster = std::getenv("SAGITTAL_SLURM");
    if (cluster == nullptr) GTEST_SKIP() << "Slurm is started by make test-engines";
    slurm.emplace();
  }
  SlurmJob job(const std::string& script) const {
    SlurmJob job = job_in(folder.path());
    job.command = {"/bin/sh", "-c", script};
    return job;
  }
  std::string submit(const std::string& script) const { return slurm->submit(job(script), {}); }
  SlurmState end_of(const std::string& id) const { return slurm->follow(id, {}, {}); }
  void wait_for(const char* file) const {
    for (int n = 0; n < 300 && !std::filesystem::exists(folder / file); ++n) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ASSERT_TRUE(std::filesystem::exists(folder / file));
  }

  const Scratch folder;
  std::optional<Slurm> slurm;
};

TEST_F(RealSlurm, RunsAJobToItsEnd) {
  EXPECT_THAT(slurm->version(), HasSubstr("slurm"));
  EXPECT_EQ(end_of(submit("echo \"it's $0 in $PWD\"; echo x >made")).kind, Kind::done);
  EXPECT_EQ(text_of(folder / "log"), "it's /bin/sh in " + folder.path().string() + "\n");
  EXPECT_EQ(text_of(folder / "made"), "x\n");
}

TEST_F(RealSlurm, TellsFailures) {
  EXPECT_EQ(end_of(submit("exit 3")), (SlurmState{Kind::failed, 3, "NonZeroExitCode"}));
  EXPECT_EQ(end_of(submit("kill -9 $$")).status, 128 + 9);
}

TEST_F(RealSlurm, SaysWhatAJobWaitsFor) {
  SlurmJob held = job("true");
  held.options = {"--nodelist=no-such-node"};
  EXPECT_ERROR(slurm->submit(held, {}), ErrorCode::bad_input);
  SlurmJob whole = job("touch begun; sleep 300");
  whole.options = {"--exclusive"};
  const std::string first = slurm->submit(whole, {});
  wait_for("begun");
  const std::string second = slurm->submit(whole, {});
  EXPECT_EQ(slurm->state(first).kind, Kind::running);
  const SlurmState waiting = slurm->state(second);
  EXPECT_EQ(waiting.kind, Kind::pending);
  EXPECT_NE(waiting.reason, "");
  EXPECT_EQ(slurm->find("sagittal-test"), second);
  EXPECT_EQ(slurm->cancel(second).kind, Kind::cancelled);
  EXPECT_EQ(slurm->cancel(first).kind, Kind::cancelled);
}

TEST_F(RealSlurm, LeavesNobodyWhenItCancels) {
  const CancelToken cancel;
  const std::string id = submit("sleep 98766 & touch begun; sleep 98766");
  std::thread other([&] {
    wait_for("begun");
    cancel.cancel();
  });
  EXPECT_ERROR(slurm->follow(id, {}, cancel), ErrorCode::cancelled);
  other.join();
  EXPECT_EQ(slurm->state(id).kind, Kind::cancelled);
  EXPECT_EQ(run_process({{"/bin/sh", "-c", "ps ax -o args | grep -q '[s]leep 98766'"}, std::nullopt}, {}, {}).status,
            1);
}

TEST_F(RealSlurm, KeepsTheSandboxesPromises) {
  SlurmJob strangers = job("");
  strangers.command = {std::filesystem::canonical("/proc/self/exe").string(),
                       "--gtest_filter=Bubblewrap.KeepsEveryPromise:Runc.KeepsEveryPromise"};
  strangers.memory_bytes = std::uint64_t{1} << 30;
  const SlurmState end = end_of(slurm->submit(strangers, {}));
  const std::string log = text_of(folder / "log");
  EXPECT_EQ(end.kind, Kind::done) << log;
  EXPECT_THAT(log, HasSubstr("[  PASSED  ]"));
  if (log.find("[  SKIPPED ]") != std::string::npos) GTEST_SKIP() << "no sandbox on this machine";
}

TEST_F(RealSlurm, KnowsNothingOfAJobThatNeverWas) { EXPECT_EQ(slurm->state("999999").kind, Kind::forgotten); }

TEST_F(RealSlurm, OutlivesItsController) {
  const std::filesystem::path cluster = std::getenv("SAGITTAL_SLURM");
  const std::string id = submit("touch begun; while [ ! -e go ]; do sleep 0.1; done");
  wait_for("begun");
  output_of({{"/bin/sh", "-c", "kill $(cat " + (cluster / "slurmctld.pid").string() + ")"}, std::nullopt},
            std::chrono::seconds(10), {});
  SlurmState silent;
  for (int n = 0; n < 100 && (silent = slurm->state(id)).kind == Kind::running; ++n) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(silent.kind, Kind::unknown);
  output_of({{"slurmctld", "-f", (cluster / "slurm.conf").string()}, std::nullopt}, std::chrono::seconds(30), {});
  std::ofstream(folder / "go") << "";
  EXPECT_EQ(Slurm().follow(id, {}, {}).kind, Kind::done);
}

}  // namespace
}  // namespace sagittal::hub
