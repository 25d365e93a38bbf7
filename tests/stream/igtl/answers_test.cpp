#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "endpoints.h"
#include "stream/igtl/known_types.h"
#include "stream/igtl/wire.h"

namespace sagittal::igtl {
namespace {

using namespace std::chrono_literals;

Outgoing question(const std::string& type, const std::string& device = "") {
  return {.type = type, .device = device, .version = 1};
}

Outgoing picture(const std::string& device, std::uint16_t width) {
  Outgoing message{.type = "IMAGE", .device = device};
  Image image;
  image.frame.size = image.frame.part_size = {width, 1, 1};
  message.content = write_image_head(image);
  message.content.resize(message.content.size() + width);
  return message;
}

Outgoing tracking(const std::string& device) {
  Outgoing message{.type = "TDATA", .device = device};
  message.content = write_tracking({{.name = "Probe"}});
  return message;
}

/// A server that has sent something, and who asks it.
struct Answers : testing::Test {
  Answers() : server(server_settings(), {}) {
    server.send(picture("One", 3));
    server.send(picture("Two", 5));
    Outgoing transform{.type = "TRANSFORM", .device = "ProbeToTracker"};
    transform.content = write_transform({1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3});
    server.send(transform);
    Outgoing points{.type = "POINT", .device = "Points"};
    Landmark tip;
    tip.name = "tip";
    points.content = write_points({tip});
    server.send(points);
    Outgoing labels{.type = "LBMETA", .device = "Labels"};
    LabelMeta bone;
    bone.name = "bone";
    labels.content = write_label_meta({bone});
    server.send(labels);
    server.send({.type = "SECRET", .device = "x"});
    peer.emplace(server);
  }
  Received ask(const std::string& type, const std::string& device = "") {
    peer->send(question(type, device));
    return peer->receive();
  }
  Endpoint server;
  std::optional<RawPeer> peer;
};

TEST_F(Answers, WhatWasSentLastIsGivenByDevice) {
  EXPECT_EQ(read_image(ask("GET_IMAGE", "Two").content).frame.size[0], 5);
  EXPECT_EQ(read_image(ask("GET_IMAGE", "One").content).frame.size[0], 3);
  server.send(picture("One", 9));
  EXPECT_EQ(peer->receive().header.device, "One");
  EXPECT_EQ(read_image(ask("GET_IMAGE", "One").content).frame.size[0], 9);
  EXPECT_EQ(read_points(ask("GET_POINT", "Points").content).at(0).name, "tip");
}

TEST_F(Answers, NoDeviceMeansAllOfThem) {
  EXPECT_EQ(ask("GET_IMAGE").header.device, "One");
  EXPECT_EQ(peer->receive().header.device, "Two");
}

TEST_F(Answers, ATypeThatWasCutIsUnderstood) {
  for (const char* type : {"GET_TRANS", "GET_TRANSFOR", "GET_TRANSFO"}) {
    const Received answer = ask(type, "ProbeToTracker");
    EXPECT_EQ(answer.header.type, "TRANSFORM") << type;
    EXPECT_EQ(read_transform(answer.content)[11], 3) << type;
  }
}

TEST_F(Answers, ImagesAreListed) {
  const Received answer = ask("GET_IMGMETA", "");
  const auto images = read_image_meta(answer.content);
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[1].device, "Two");
  EXPECT_EQ(images[1].size[0], 5);
  EXPECT_EQ(images[1].scalar, 3);
  EXPECT_EQ(read_label_meta(ask("GET_LBMETA").content).at(0).name, "bone");
}

TEST_F(Answers, WhatCanBeSpokenIsListed) {
  for (const char* type : {"GET_CAPABIL", "GET_CAPABILI"}) {
    const auto types = read_capability(ask(type).content);
    EXPECT_TRUE(std::find(types.begin(), types.end(), "IMAGE") != types.end());
    EXPECT_EQ(types.size(), known_types().size());
  }
}

TEST_F(Answers, AStatusSaysThatAllIsWell) { EXPECT_EQ(read_status(ask("GET_STATUS").content).code, 1); }

TEST_F(Answers, WhatIsNotThereIsSaidNotToBe) {
  for (const char* type : {"GET_IMAGE", "GET_POLYDATA", "GET_NONSENSE", "GET_"}) {
    const Received answer = ask(type, "Nobody");
    EXPECT_EQ(answer.header.type, "STATUS") << type;
    EXPECT_EQ(read_status(answer.content).code, 4) << type;
  }
}

TEST_F(Answers, AStreamIsStartedAndStopped) {
  Outgoing start = question("STT_TDATA");
  start.content = write_tracking_wish({50, "Patient"});
  peer->send(start);
  EXPECT_TRUE(read_ready(peer->receive().content));
  peer->send(question("STP_TDATA"));
  EXPECT_EQ(peer->receive().header.type, "RTS_TDATA");
  server.send(tracking("Tools"));
  server.send(text_message("Text", "behind"));
  EXPECT_EQ(peer->receive().header.type, "STRING");  // no TDATA any more
  EXPECT_FALSE(read_ready(ask("STT_NONSENSE").content));
}

TEST(Streams, OnlyWhatWasStartedIsSentWhereThatIsWanted) {
  EndpointSettings settings = server_settings();
  settings.unasked = false;
  Endpoint server(settings, {});
  RawPeer peer(server);
  ASSERT_TRUE(eventually([&] { return server.peers().size() == 1; }));
  server.send(tracking("Tools"));
  peer.send(question("STT_TDATA"));
  EXPECT_EQ(peer.receive().header.type, "RTS_TDATA");
  server.send(text_message("Text", "not asked for"));
  server.send(tracking("Later"));
  EXPECT_EQ(peer.receive().header.device, "Later");
}

TEST(Streams, NoMoreOftenThanWished) {
  Endpoint server(server_settings(), {});
  RawPeer peer(server);
  Outgoing start = question("STT_TDATA");
  start.content = write_tracking_wish({3'600'000, ""});
  peer.send(start);
  EXPECT_EQ(peer.receive().header.type, "RTS_TDATA");
  for (int n = 0; n < 5; ++n) server.send(tracking("Tools"));
  server.send(text_message("Text", "behind"));
  EXPECT_EQ(peer.receive().header.type, "TDATA");
  EXPECT_EQ(peer.receive().header.type, "STRING");
}

EndpointHandlers obedient() {
  return {.command = [](const CommandCall& call) -> CommandReply {
    if (call.command.name == "Fail") throw Error(ErrorCode::conflict, "not \"now\"");
    return {.good = true, .text = call.command.name + " of " + call.command.text.text, .metadata = {{"a", "b"}}};
  }};
}

Outgoing command(const std::string& name) {
  Outgoing message{.type = "COMMAND", .device = "Slicer", .version = 2};
  message.content = write_command({.id = 42, .name = name, .text = {"<Command/>"}});
  return message;
}

std::string value_of(const Metadata& metadata, const std::string& key) {
  for (const MetadataEntry& one : metadata) {
    if (one.key == key) return one.value;
  }
  return "none";
}

TEST(Commands, AReplyBearsTheCommandsNumber) {
  Endpoint server(server_settings(), obedient());
  RawPeer peer(server);
  peer.send(command("Start"));
  const Received reply = peer.receive();
  EXPECT_EQ(reply.header.type, "RTS_COMMAND");
  EXPECT_EQ(reply.header.device, "Slicer");
  const Command content = read_command(reply.content);
  EXPECT_EQ(content.id, 42u);
  EXPECT_EQ(content.name, "Start");
  EXPECT_EQ(content.text.text,
            "<CommandReply Name=\"Start\" Status=\"SUCCESS\" Message=\"Start of &lt;Command/&gt;\" />");
  EXPECT_EQ(value_of(reply.metadata, "Status"), "SUCCESS");
  EXPECT_EQ(value_of(reply.metadata, "a"), "b");
}

TEST(Commands, AFailureIsTold) {
  Endpoint server(server_settings(), obedient());
  RawPeer peer(server);
  peer.send(command("Fail"));
  const Received reply = peer.receive();
  EXPECT_EQ(value_of(reply.metadata, "Status"), "FAIL");
  EXPECT_EQ(value_of(reply.metadata, "Error"), "not \"now\"");
  EXPECT_NE(read_command(reply.content).text.text.find("Error=\"not &quot;now&quot;\""), std::string::npos);
}

TEST(Commands, WhereNobodyObeysThatIsTheAnswer) {
  Endpoint server(server_settings(), {});
  RawPeer peer(server);
  peer.send(command("Start"));
  EXPECT_EQ(value_of(peer.receive().metadata, "Status"), "FAIL");
}

TEST(Commands, TheOlderFormIsAnsweredInItsOwn) {
  Endpoint server(server_settings(), obedient());
  RawPeer peer(server);
  peer.send(text_message("CMD_77", "<Command Name=\"RequestChannelIds\" />"));
  const Received reply = peer.receive();
  EXPECT_EQ(reply.header.type, "STRING");
  EXPECT_EQ(reply.header.device, "ACK_77");
  EXPECT_TRUE(
      read_string(reply.content).text.starts_with("<CommandReply Status=\"SUCCESS\" Message=\"RequestChannelIds of "));
}

TEST(KnownTypes, EachVectorOfTheLibraryIsKnownAndGood) {
  std::set<std::string_view> seen;
  for (const auto& [key, bytes] : vectors()) {
    EXPECT_TRUE(check_content(key.first, take_apart(bytes).content)) << key.first;
    seen.insert(key.first);
  }
  for (const std::string_view type : known_types()) {
    EXPECT_TRUE(seen.contains(type) || type == "QTRANS" || type == "CLIENTINFO") << type;
  }
  EXPECT_FALSE(check_content("TRACKEDFRAME", {}));
}

}  // namespace
}  // namespace sagittal::igtl
