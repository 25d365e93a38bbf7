#include "stream/operators/igtl_plus.h"

#include <gmock/gmock.h>

#include <cmath>
#include <mutex>

#include "expect_error.h"
#include "frames.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/endpoints.h"
#include "stream/igtl/image.h"
#include "stream/operators/igtl_values.h"

namespace sagittal::stream {
namespace {

using igtl::eventually;
using igtl::Inbox;
using test::keep;
using test::Kept;
using test::make;
using ::testing::ElementsAre;

TEST(ClientInfoParameter, TypesFollowFromWhatIsWishedFor) {
  const igtl::ClientInfo info = client_info_of({{"images", {"ImageToReference"}},
                                                {"transforms", {"ProbeToReference"}},
                                                {"strings", {"Depth"}},
                                                {"types", {"POSITION"}}});
  EXPECT_THAT(info.types, ElementsAre("IMAGE", "TRANSFORM", "STRING", "POSITION"));
  EXPECT_EQ(info.images, (std::vector<igtl::ClientInfo::Image>{{"Image", "Reference"}}));
  EXPECT_FALSE(info.tracking);
  const igtl::ClientInfo tracked = client_info_of({{"transforms", {"ProbeToReference"}},
                                                   {"tracking", true},
                                                   {"tracking_interval", 20},
                                                   {"videos", {{"ImageToReference", "VP90"}}}});
  EXPECT_THAT(tracked.types, ElementsAre("VIDEO", "TDATA"));
  EXPECT_EQ(tracked.videos.at(0).codec, "VP90");
  EXPECT_EQ(tracked.tracking_interval, 20);
}

TEST(ClientInfoParameter, WhatIsNotUnderstoodIsRefused) {
  const Json wrong[] = {{{"image", {"ImageToReference"}}},
                        {{"images", {"Image_Reference"}}},
                        {{"images", 3}},
                        {{"videos", {{"ImageToReference", "H.264"}}}},
                        {{"tracking_interval", -1}},
                        "images"};
  for (const Json& one : wrong) {
    SCOPED_TRACE(one.dump());
    EXPECT_ERROR(client_info_of(one), ErrorCode::bad_input);
  }
}

TEST(PlusCommand, IsWrittenAsPlusReadsIt) {
  const igtl::Command command = plus_command_of(
      {{"name", "StartRecording"}, {"CaptureDeviceId", "a\"b<"}, {"EnableCompression", true}, {"Channel", 2}});
  EXPECT_EQ(command.name, "StartRecording");
  EXPECT_EQ(
      command.text.text,
      "<Command Name=\"StartRecording\" CaptureDeviceId=\"a&quot;b&lt;\" Channel=\"2\" EnableCompression=\"TRUE\" />");
  const Json wrong[] = {Json::object(),
                        {{"name", ""}},
                        {{"name", std::string(200, 'a')}},
                        {{"name", "A"}, {"no name", "x"}},
                        {{"name", "A"}, {"list", {1, 2}}},
                        {{"name", "A"}, {"text", std::string(70'000, 'a')}},
                        "StartRecording"};
  for (const Json& one : wrong) {
    SCOPED_TRACE(one.dump().substr(0, 60));
    EXPECT_ERROR(plus_command_of(one), ErrorCode::bad_input);
  }
}

TEST(IgtlValues, PlusSaysOfEachToolWhetherItIsSeen) {
  igtl::Arrival arrival;
  arrival.message.header.type = "TDATA";
  const Bytes content =
      igtl::write_tracking({{.name = "ProbeToTracker"}, {.name = "AVeryLongNameOfAToolToTracker"}, {.name = "Stylus"}});
  arrival.message.content = content;
  arrival.message.metadata = {
      {"ProbeToTrackerStatus", "OUT_OF_VIEW"}, {"AVeryLongNameOfAToolToTrackerStatus", "OK"}, {"Status", "x"}};
  const auto message = message_of(arrival);
  const auto& tools = value_in<Tracking>(*message)->tools;
  EXPECT_FALSE(tools[0].valid);
  EXPECT_EQ(tools[1].name, "AVeryLongNameOfAToolToTracker");
  EXPECT_TRUE(tools[1].valid);
  EXPECT_EQ(tools[2].name, "Stylus");
  EXPECT_TRUE(tools[2].valid);
}

std::optional<Message> picture_with_axes(const igtl::Matrix& axes) {
  igtl::Image head;
  head.scalar = igtl::Scalar::uint8;
  head.frame.size = head.frame.part_size = {5, 3, 1};
  head.frame.matrix = axes;
  Bytes content = igtl::write_image_head(head);
  content.resize(content.size() + 15);
  igtl::Arrival arrival;
  arrival.message.header.type = "IMAGE";
  arrival.message.content = content;
  auto message = message_of(arrival);
  return message;
}

TEST(IgtlValues, PicturesOfCalibrationsThatAreALittleAskewAreStraightened) {
  const auto message = picture_with_axes({0.1F, 0, 0, 0.008F, 0.1F, 0, 0.001F, 0.002F, 0.1F, 10, 20, 30});
  const Geometry& grid = value_in<Frame>(*message)->geometry;
  EXPECT_NO_THROW(check_geometry(grid, "the picture"));
  const Vec3 centre = index_to_world(grid, {2, 1, 0});
  EXPECT_NEAR(centre[0], -10, 1e-5);
  EXPECT_NEAR(centre[1], -20, 1e-5);
  EXPECT_NEAR(centre[2], 30, 1e-5);
  EXPECT_NEAR(grid.spacing_mm[0], 0.1, 1e-6);
  EXPECT_NEAR(grid.spacing_mm[1], std::hypot(0.008, 0.1), 1e-6);
  EXPECT_NEAR(grid.spacing_mm[2], 0.1, 1e-4);
  EXPECT_NEAR(grid.direction[2][2], 1, 1e-6);
  // Both axes are turned by the same half of the angle.
  const double half = std::atan(0.08) / 2;
  EXPECT_NEAR(-grid.direction[0][0], std::cos(half), 1e-5);
  EXPECT_NEAR(-grid.direction[1][1], std::cos(half), 1e-5);
  EXPECT_ERROR(picture_with_axes({0.1F, 0, 0, 0.05F, 0.1F, 0, 0, 0, 0.1F, 0, 0, 0}), ErrorCode::bad_input);
}

/// A server that keeps what it is asked for, and answers.
class Plus {
 public:
  Plus() : server_(igtl::server_settings(), handlers()) {}
  std::uint16_t port() const { return server_.port(); }
  igtl::Endpoint& server() { return server_; }
  Inbox& inbox() { return inbox_; }
  std::vector<std::pair<std::uint32_t, std::string>> commands() {
    const std::lock_guard lock(mutex_);
    return commands_;
  }

 private:
  igtl::EndpointHandlers handlers() {
    igtl::EndpointHandlers out = inbox_.handlers();
    out.command = [this](const igtl::CommandCall& call) {
      const std::lock_guard lock(mutex_);
      commands_.emplace_back(call.command.id, call.command.text.text);
      return igtl::CommandReply{call.command.name != "Fail", "did " + call.command.name};
    };
    return out;
  }
  Inbox inbox_;
  std::mutex mutex_;
  std::vector<std::pair<std::uint32_t, std::string>> commands_;  // guarded by mutex_
  igtl::Endpoint server_;
};

TEST(IgtlOperators, CommandsAreSentAndAnswersCome) {
  Plus plus;
  const auto kept = std::make_shared<Kept<Text>>();
  Graph graph;
  graph.add("plus", make("igtl_command"),
            {{"port", plus.port()},
             {"header_version", "2"},
             {"on_connect", {{{"name", "StartRecording"}, {"CaptureDeviceId", "Capture"}}}},
             {"at_end", {{{"name", "StopRecording"}}}}});
  graph.add("sink", keep(kept));
  graph.connect("plus.answer", "sink");
  PipelineRun run(std::move(graph), {});
  ASSERT_TRUE(eventually([&] { return kept->size() == 1; }));
  EXPECT_EQ((*kept)[0].text,
            "<CommandReply Name=\"StartRecording\" Status=\"SUCCESS\" Message=\"did StartRecording\" />");
  run.command("plus", "Fail", {{"x", 1}});
  ASSERT_TRUE(eventually([&] { return kept->size() == 2; }));
  EXPECT_ERROR(run.command("plus", "A", {{"not a name", 1}}), ErrorCode::bad_input);
  run.stop();
  run.wait();
  const Json counters = run.statistics().operators.at(0).counters;
  EXPECT_EQ(counters.at("answered"), 2);
  EXPECT_EQ(counters.at("failed"), 1);
  EXPECT_EQ(counters.at("last").at("status"), "FAIL");
  ASSERT_TRUE(eventually([&] { return plus.commands().size() == 3; }));
  const auto commands = plus.commands();
  EXPECT_EQ(commands[1].second, "<Command Name=\"Fail\" x=\"1\" />");
  EXPECT_EQ(commands[2].second, "<Command Name=\"StopRecording\" />");
  EXPECT_LT(commands[0].first, commands[1].first);
  EXPECT_LT(commands[1].first, commands[2].first);
}

TEST(IgtlOperators, NobodyIsThereToCommand) {
  Graph graph;
  graph.add("plus", make("igtl_command"), {{"port", 1}});
  PipelineRun run(std::move(graph), {});
  EXPECT_ERROR(run.command("plus", "StartRecording", {}), ErrorCode::unavailable);
}

TEST(IgtlOperators, WishesThatAreWrongEndTheRunBeforeItBegins) {
  Graph graph;
  graph.add("in", make("igtl_input"), {{"port", 0}, {"client_info", {{"image", "Image"}}}});
  EXPECT_ERROR(PipelineRun(std::move(graph), {}), ErrorCode::bad_input);
}

TEST(IgtlOperators, AClientOfPlusSaysWhatItWishes) {
  Plus plus;
  const auto kept = std::make_shared<Kept<Transform>>();
  Graph graph;
  graph.add("in", make("igtl_input"),
            {{"role", "client"},
             {"port", plus.port()},
             {"header_version", "2"},
             {"client_info", {{"images", {"ImageToReference"}}, {"transforms", {"ProbeToTracker"}}}}});
  graph.add("sink", keep(kept));
  graph.connect("in.transform", "sink");
  PipelineRun run(std::move(graph), {});
  FramePool pool;
  const auto send = [&](const Transform& transform) {
    Message message{{transform.name, 1, 1, {}}, value_type<Transform>(), std::make_shared<Transform>(transform)};
    plus.server().send(outgoing_of(message, 0, pool).message);
  };
  ASSERT_TRUE(eventually([&] {
    send({"StylusToTracker"});
    return plus.server().counters().unwanted > 0;
  })) << "its wishes are not known";
  send({"ProbeToTracker"});
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(kept->mutex);
    return !kept->all.empty() && kept->all.back()->name == "ProbeToTracker";
  }));
  ASSERT_EQ(plus.server().peers().size(), 1u);
  EXPECT_EQ(plus.server().peers()[0].header_version, 2);
}

}  // namespace
}  // namespace sagittal::stream
