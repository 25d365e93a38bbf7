#include "hub/runners/container_runner.h"

#include <gmock/gmock.h>

#include "expect_error.h"
#include "stranger.h"

namespace sagittal::hub {
namespace {

using testing::HasSubstr;

/// An engine that is a script: what it does on each of its commands.
class FakeEngine : public testing::Test {
 protected:
  ContainerRunner runner(const std::string& script, Engine engine = Engine::podman) {
    const auto program = folder / "engine";
    std::ofstream(program) << "#!/bin/sh\necho \"$*\" >>" << (folder / "calls").string() << "\n" << script;
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    return ContainerRunner(engine, program);
  }
  Stranger::Run run(const ContainerRunner& engine) { return stranger.run(engine, stranger.job("model:1", "true")); }
  std::string calls() const {
    std::ifstream file(folder / "calls");
    return std::string((std::istreambuf_iterator<char>(file)), {});
  }

  const Scratch folder;
  const Stranger stranger{"test-fake"};
};

TEST_F(FakeEngine, SaysHowTheProgramEnded) {
  EXPECT_EQ(run(runner("case $1 in run) echo hello; exit 3;; inspect) echo false 2026-11-21;; esac")).end.status, 3);
}

TEST_F(FakeEngine, PinsByTheRegistrysDigestOrElseTheId) {
  const auto pin = [&](const std::string& said, const std::string& image) {
    return runner("case $1 in image) echo '" + said + "';; esac").pin(image, {});
  };
  const std::string both = "sha256:1 other/two@sha256:2 docker.io/mhubai/lungmask@sha256:3";
  EXPECT_EQ(pin(both, "mhubai/lungmask:latest"), "docker.io/mhubai/lungmask@sha256:3");
  EXPECT_EQ(pin(both, "mine"), "sha256:1");
  EXPECT_EQ(pin("sha256:1 localhost/mine@sha256:2", "localhost/mine"), "sha256:1");
  EXPECT_EQ(pin("sha256:1", "mine"), "sha256:1");
}

TEST_F(FakeEngine, KnowsWantOfMemoryFromOtherKills) {
  EXPECT_EQ(run(runner("case $1 in run) exit 137;; inspect) echo true 2026-11-21;; esac")).end.how,
            RunEnd::How::out_of_memory);
  EXPECT_EQ(run(runner("case $1 in run) exit 137;; inspect) echo false 2026-11-21;; esac")).end.how,
            RunEnd::How::exited);
}

TEST_F(FakeEngine, ItsOwnFailureIsNotTheProgrammes) {
  EXPECT_ERROR(run(runner("[ $1 = run ] && echo no such runtime && exit 125")), ErrorCode::unavailable);
}

TEST_F(FakeEngine, ThatNeverStartedTheProgramFailed) {
  EXPECT_ERROR(run(runner("case $1 in run) exit 126;; inspect) echo false 0001-01-01;; esac")), ErrorCode::unavailable);
}

TEST_F(FakeEngine, RemovesItsContainerHoweverTheRunEnds) {
  EXPECT_ERROR(run(runner("[ $1 = run ] && exit 125")), ErrorCode::unavailable);
  EXPECT_THAT(calls(), HasSubstr("rm --force --volumes -- test-fake"));
}

TEST_F(FakeEngine, WithoutControlGroupsLimitsEachProcess) {
  const auto run_of = run(runner("case $1 in info) echo WARN; echo 'true []';; inspect) echo false 2026-11-21;; esac"));
  EXPECT_THAT(calls(), HasSubstr("--ulimit=data=201326592:201326592"));
  EXPECT_THAT(calls(), HasSubstr("--ulimit=nproc=32:32"));
  EXPECT_THAT(calls(), testing::Not(HasSubstr("--memory")));
  ASSERT_EQ(run_of.end.notes.size(), 1U);
  EXPECT_TRUE(run(runner("case $1 in info) echo 'true [cpu memory pids]';; inspect) echo false 2026-11-21;; esac"))
                  .end.notes.empty());
  EXPECT_THAT(calls(), HasSubstr("--pids-limit=32"));
}

TEST_F(FakeEngine, ThatHangsIsNotWaitedFor) { EXPECT_ERROR(runner("exec sleep 60").version(), ErrorCode::unavailable); }

TEST_F(FakeEngine, PullsOnlyWhatIsNotHere) {
  EXPECT_EQ(runner("[ $1 = image ] && echo sha256:77").pin("model:1", {}), "sha256:77");
  EXPECT_THAT(calls(), testing::Not(HasSubstr("pull")));
  const std::string here = (folder / "here").string();
  const auto absent =
      runner("case $1 in image) [ -e " + here + " ] && echo sha256:78;; pull) touch " + here + ";; esac");
  EXPECT_EQ(absent.pin("model:2", {}), "sha256:78");
  EXPECT_THAT(calls(), HasSubstr("pull -- model:2"));
}

TEST_F(FakeEngine, ThatCannotPullSaysWhy) {
  try {
    runner("[ $1 = pull ] && echo manifest unknown; exit 1").pin("model:3", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("manifest unknown"));
  }
}

TEST_F(FakeEngine, TellsWhatItsImagesTake) {
  const std::string small(64, 'a'), large(64, 'b');
  const auto engine =
      runner("case $2 in ls) echo WARN; echo sha256:" + small + "; echo " + large + "; echo " + large +
             ";; inspect) echo " + small + " 10 a:1; echo " + large + " 20 b:1 b:2;; rm) exit 0;; esac");
  const auto images = engine.images({});
  ASSERT_EQ(images.size(), 2U);
  EXPECT_EQ(images[0].bytes, 20U);
  engine.remove_image(images[0]);
  EXPECT_THAT(calls(), HasSubstr("image rm -- b:1 b:2\n"));
  engine.remove_image({"sha256:" + small, 10, {}, {}});
  EXPECT_THAT(calls(), HasSubstr("image rm -- sha256:" + small + "\n"));
  EXPECT_THAT(runner("exit 0").images({}), testing::IsEmpty());
  EXPECT_ERROR(runner("exit 1").images({}), ErrorCode::unavailable);
  EXPECT_ERROR(runner("echo in use; exit 2").remove_image(images[0]), ErrorCode::conflict);
}

TEST_F(FakeEngine, TakesNoOptionForAnImage) { EXPECT_ERROR(runner("exit 0").pin("--help", {}), ErrorCode::bad_input); }

TEST_F(FakeEngine, ApptainerGetsVariablesByItsEnvironment) {
  const auto apptainer = runner("echo threads $APPTAINERENV_OMP_NUM_THREADS", Engine::apptainer);
  EXPECT_THAT(run(apptainer).said, HasSubstr("threads 1"));
}

TEST_F(FakeEngine, ApptainersOwnFailureIsNotTheProgrammes) {
  EXPECT_ERROR(run(runner("echo FATAL; exit 255", Engine::apptainer)), ErrorCode::unavailable);
}

/// A real engine with an image made here; `make test-engines` sets SAGITTAL_ENGINES.
void try_engine(Engine engine) {
  if (std::getenv("SAGITTAL_ENGINES") == nullptr) GTEST_SKIP() << "engines are tried by make test-engines";
  const auto program = find_program(std::string(name_of(engine)));
  if (!program) GTEST_SKIP() << name_of(engine) << " is not installed";
  const ContainerRunner runner(engine, *program);
  try {
    runner.version();
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  const Stranger stranger(std::string("test-") + std::string(name_of(engine)));
  const std::string tag = "localhost/sagittal-stranger:test", tar = (stranger.folder() / "image.tar").string();
  output_of({{"tar", "-C", stranger.image().string(), "--owner=0", "--group=0", "--numeric-owner", "-cf", tar, "."},
             std::nullopt},
            std::chrono::seconds(60), {});
  output_of({{program->string(), "import", tar, tag}, std::nullopt}, std::chrono::seconds(60), {});
  expect_promises(runner, runner.pin(tag, {}), stranger);
  SandboxJob job = stranger.job(tag, "echo x >/bin/new && echo LAYER");
  job.hardening = Hardening::writable_layer;
  EXPECT_THAT(stranger.run(runner, job).said, HasSubstr("LAYER"));
  const auto imported = [&] {
    std::vector<EngineImage> all = runner.images({});
    std::erase_if(all, [&](const EngineImage& image) { return !is_called(image, tag); });
    return all;
  };
  const auto images = imported();
  ASSERT_EQ(images.size(), 1U);
  EXPECT_GE(images[0].bytes, std::filesystem::file_size(Stranger::kBusybox));
  runner.remove_image(images[0]);
  EXPECT_THAT(imported(), testing::IsEmpty());
  EXPECT_EQ(
      output_of({{program->string(), "ps", "--all", "--quiet", "--filter", "label=org.sagittal.run"}, std::nullopt},
                std::chrono::seconds(20), {}),
      "");
}

TEST(Podman, KeepsEveryPromise) { try_engine(Engine::podman); }
TEST(Docker, KeepsEveryPromise) { try_engine(Engine::docker); }

}  // namespace
}  // namespace sagittal::hub
