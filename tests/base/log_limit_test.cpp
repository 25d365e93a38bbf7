#include "base/log_limit.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace sagittal {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(LogLimit, SaysSoManyLinesThenCountsThenGoesOn) {
  std::vector<std::string> lines;
  std::chrono::steady_clock::time_point now{};
  const LogSink log = limited([&](LogLevel, std::string_view text) { lines.emplace_back(text); },
                              {.burst = 2, .refill = 1s, .now = [&] { return now; }});
  for (const char* text : {"a", "b", "c", "d"}) log(LogLevel::info, text);
  EXPECT_THAT(lines, ElementsAre("a", "b"));
  now += 1500ms;
  log(LogLevel::info, "e");
  log(LogLevel::info, "f");
  now += 500ms;
  log(LogLevel::info, "g");
  EXPECT_THAT(lines, ElementsAre("a", "b", "e (2 lines before it left out)", "g (1 lines before it left out)"));
}

TEST(LogLimit, FillsNoFurtherThanItsBurst) {
  int lines = 0;
  std::chrono::steady_clock::time_point now{};
  const LogSink log =
      limited([&](LogLevel, std::string_view) { ++lines; }, {.burst = 3, .refill = 1s, .now = [&] { return now; }});
  now += 1h;
  for (int n = 0; n < 10; ++n) log(LogLevel::info, "x");
  EXPECT_EQ(lines, 3);
  EXPECT_FALSE(limited({}));
}

}  // namespace
}  // namespace sagittal
