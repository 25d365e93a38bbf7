#include "hub/runners/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "expect_error.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Command shell(const std::string& script) { return {{"/bin/sh", "-c", script}, std::nullopt}; }

/// Whether any process has `word` in its command line.
bool somebody_runs(const std::string& word) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string line((std::istreambuf_iterator<char>(file)), {});
    if (line.find(word) != std::string::npos) return true;
  }
  return false;
}

TEST(Process, GivesBothStreamsLineByLine) {
  std::vector<std::string> lines;
  ProcessOptions options;
  options.on_line = [&](std::string_view line) { lines.emplace_back(line); };
  const ProcessEnd end = run_process(shell("echo one; echo two >&2; printf three; exit 7"), options, {});
  EXPECT_EQ(end.how, ProcessEnd::How::exited);
  EXPECT_EQ(end.status, 7);
  EXPECT_THAT(lines, testing::UnorderedElementsAre("one", "two", "three"));
}

TEST(Process, TakesArgumentsAsTheyAre) {
  EXPECT_EQ(output_of({{"printf", "%s|", "a b", "$(id)", "'", "*"}, std::nullopt}, seconds(20), {}),
            "a b|$(id)|'|*|\n");
}

TEST(Process, SeesOnlyTheEnvironmentItIsGiven) {
  Command command{{"/usr/bin/env"}, std::vector<std::string>{"ONLY=this"}};
  EXPECT_EQ(output_of(command, seconds(20), {}), "ONLY=this\n");
}

TEST(Process, HasNoInputAndNoFileOfOurs) {
  const Scratch folder;
  std::ofstream ours(folder / "secret");
  EXPECT_EQ(output_of(shell("cat; ls /proc/self/fd | wc -l"), seconds(20), {}), "4\n") << "0, 1, 2 and the one of ls";
}

TEST(Process, IsEndedWithItsChildrenWhenItsTimeIsOver) {
  ProcessOptions options;
  options.time_limit = milliseconds(300);
  const ProcessEnd end = run_process(shell("sleep 98761 & sleep 98761"), options, {});
  EXPECT_EQ(end.how, ProcessEnd::How::timed_out);
  EXPECT_FALSE(somebody_runs("98761"));
}

TEST(Process, IsKilledWhereItDoesNotListen) {
  ProcessOptions options;
  options.time_limit = milliseconds(200);
  options.grace = milliseconds(200);
  const ProcessEnd end = run_process(shell("trap '' TERM; while :; do sleep 1; done"), options, {});
  EXPECT_EQ(end.how, ProcessEnd::How::timed_out);
}

TEST(Process, LeavesNobodyBehind) {
  run_process(shell("sleep 98762 & exit 0"), {}, {});
  EXPECT_FALSE(somebody_runs("98762"));
}

TEST(Process, StopsOnRequest) {
  const CancelToken cancel;
  std::thread other([&] {
    std::this_thread::sleep_for(milliseconds(200));
    cancel.cancel();
  });
  EXPECT_ERROR(run_process(shell("sleep 98763"), {}, cancel), ErrorCode::cancelled);
  other.join();
  EXPECT_FALSE(somebody_runs("98763"));
}

TEST(Process, StopsForAReason) {
  ProcessOptions options;
  options.on_tick = [] { return std::string("too loud"); };
  const ProcessEnd end = run_process(shell("sleep 60"), options, {});
  EXPECT_EQ(end.how, ProcessEnd::How::stopped);
  EXPECT_EQ(end.reason, "too loud");
}

TEST(Process, SaysBySignalHowItDied) {
  const ProcessEnd end = run_process(shell("kill -9 $$"), {}, {});
  EXPECT_EQ(end.how, ProcessEnd::How::killed);
  EXPECT_EQ(end.status, 9);
}

TEST(Process, ThatDoesNotExistIsNotFound) {
  EXPECT_ERROR(run_process({{"/nowhere/at/all"}, std::nullopt}, {}, {}), ErrorCode::not_found);
}

TEST(Output, OfAFailureHoldsItsLastLines) {
  try {
    output_of(shell("echo no such image; exit 3"), seconds(20), {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_THAT(error.what(), testing::HasSubstr("no such image"));
  }
}

TEST(Output, IsNotWaitedForWithoutEnd) {
  EXPECT_ERROR(output_of(shell("sleep 60"), milliseconds(200), {}), ErrorCode::unavailable);
}

TEST(FindProgram, LooksInPath) {
  EXPECT_TRUE(find_program("sh").has_value());
  EXPECT_FALSE(find_program("no-such-program-anywhere").has_value());
}

}  // namespace
}  // namespace sagittal::hub
