#include "stream/run_control.h"

#include <gmock/gmock.h>

#include "expect_error.h"
#include "numbers.h"

namespace sagittal::stream {
namespace {

using namespace std::chrono_literals;
using test::Seen;
using test::Sink;
using test::Source;
using ::testing::HasSubstr;

class Commands : public testing::Test {
 protected:
  Commands()
      : run_(test::pair_of(std::make_unique<Source>(true), std::make_unique<Sink>(std::make_shared<Seen>()),
                           {.periodic = Periodic{1ms}}),
             {.threads = 2}) {}
  std::string ask(std::string_view name, std::string_view text) { return do_command(run_.control(), name, text); }
  Json step() { return run_.statistics().operators.at(0).parameters.at("step"); }

  PipelineRun run_;
};

TEST_F(Commands, SetParametersAsLinesOrAsATable) {
  EXPECT_EQ(ask("SetParameter", " source.step=7 \n\n"), "done");
  EXPECT_EQ(step(), 7);
  EXPECT_EQ(ask("SetParameter", R"({"source": {"step": 9}})"), "done");
  EXPECT_EQ(step(), 9);
  EXPECT_ERROR(ask("SetParameter", "source.step=1000"), ErrorCode::bad_input);
  EXPECT_ERROR(ask("SetParameter", "source.file=/etc/passwd"), ErrorCode::conflict);
  EXPECT_ERROR(ask("SetParameter", "nobody.step=1"), ErrorCode::not_found);
  for (const char* bad : {"", "source", "source.step", "{", "[]", "{\"source\": 4}", "source.step=[", "=", ".="}) {
    EXPECT_ANY_THROW(ask("SetParameter", bad)) << bad;
  }
  EXPECT_EQ(step(), 9);
}

TEST_F(Commands, SwitchAskAndStop) {
  EXPECT_EQ(ask("Stop", "source"), "done");
  EXPECT_THAT(ask("GetStatistics", ""), HasSubstr("\"state\":\"off\""));
  EXPECT_EQ(ask("Start", "source"), "done");
  EXPECT_NO_THROW(std::stoi(ask("Command", R"({"operator": "sink", "name": "count"})")));
  EXPECT_ERROR(ask("Command", R"({"operator": "sink", "name": "dance"})"), ErrorCode::unsupported);
  EXPECT_ERROR(ask("Command", "{}"), ErrorCode::bad_input);
  EXPECT_ERROR(ask("Reboot", ""), ErrorCode::unsupported);
  for (const ControlCommand& known : control_commands()) EXPECT_FALSE(known.description.empty()) << known.name;
  EXPECT_ERROR(ask("SetParameter", std::string(100'000, 'x')), ErrorCode::too_large);
  EXPECT_EQ(ask("Stop", ""), "done");
  EXPECT_EQ(run_.wait().ending, Ending::stopped);
  EXPECT_EQ(run_.wait().why, "stopped by a peer");
}

}  // namespace
}  // namespace sagittal::stream
