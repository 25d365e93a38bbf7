#include "hub/runners/run_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "expect_error.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

TEST(RunLog, HoldsEveryLineOfAShortRun) {
  const Scratch folder;
  RunLog log(folder / "log", 1000);
  log.add("one");
  EXPECT_EQ(content(folder / "log"), "one\n") << "readable while it runs";
  log.add("two");
  log.finish();
  EXPECT_EQ(content(folder / "log"), "one\ntwo\n");
}

TEST(RunLog, KeepsBeginningAndEndOfAnEndlessRun) {
  const Scratch folder;
  RunLog log(folder / "log", 2000);
  for (int n = 0; n < 100'000; ++n) log.add(fmt::format("line {}", n));
  log.finish();
  const std::string all = content(folder / "log");
  EXPECT_LT(all.size(), 2100u);
  EXPECT_THAT(all, testing::StartsWith("line 0\nline 1\n"));
  EXPECT_THAT(all, testing::HasSubstr("left out"));
  EXPECT_THAT(all, testing::EndsWith("line 99998\nline 99999\n"));
}

TEST(RunLog, TellsItsLastLines) {
  const Scratch folder;
  RunLog log(folder / "log", 10);
  for (int n = 0; n < 5; ++n) log.add(fmt::format("{}", n));
  EXPECT_EQ(log.tail(2), "3\n4");
  EXPECT_EQ(log.tail(9), "0\n1\n2\n3\n4");
}

TEST(RunLog, IsItsOwnersOnly) {
  const Scratch folder;
  const RunLog log(folder / "log", 10);
  EXPECT_EQ(std::filesystem::status(folder / "log").permissions(), std::filesystem::perms(0600));
}

TEST(RunLog, ThatCannotBeWrittenIsAnError) {
  const Scratch folder;
  EXPECT_ERROR(RunLog(folder / "none" / "log", 10), ErrorCode::io);
}

}  // namespace
}  // namespace sagittal::hub
