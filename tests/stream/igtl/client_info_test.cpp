#include "stream/igtl/client_info.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "endpoints.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/image.h"

namespace sagittal::igtl {
namespace {

using namespace std::chrono_literals;

ClientInfo read(std::string xml) { return read_client_info(write_string({std::move(xml)})); }

/// As PlusLib's OpenIGTLinkVideo sends it.
constexpr const char* kOfPlus =
    "<ClientInfo TDATARequested=\"FALSE\" TDATAResolution=\"0\">\n  <MessageTypes>\n    <Message Type=\"IMAGE\" />\n"
    "  </MessageTypes>\n  <TransformNames>\n    <Transform Name=\"ProbeToReference\" />\n  </TransformNames>\n"
    "  <StringNames />\n  <ImageNames>\n"
    "    <Image Name=\"Bone\" EmbeddedTransformToFrame=\"Reference\" />\n  </ImageNames>\n</ClientInfo>\n";

TEST(ClientInfo, OfPlusIsUnderstood) {
  const ClientInfo info = read(kOfPlus);
  EXPECT_EQ(info.types, std::vector<std::string>{"IMAGE"});
  EXPECT_EQ(info.transforms, std::vector<std::string>{"ProbeToReference"});
  EXPECT_EQ(info.images, (std::vector<ClientInfo::Image>{{"Bone", "Reference"}}));
  EXPECT_FALSE(info.tracking);
  EXPECT_EQ(info.header_version, 1);
  EXPECT_EQ(summary_of(info), "IMAGE, Bone_Reference, ProbeToReference");
}

TEST(ClientInfo, ComesBackAsItWasWritten) {
  ClientInfo info;
  info.header_version = 2;
  info.tracking = true;
  info.tracking_interval = 20;
  info.types = {"IMAGE", "VIDEO", "TDATA"};
  info.transforms = {"ProbeToTracker", "a<b>\"&'ToTracker"};
  info.strings = {"Depth"};
  info.images = {{"Image", "Reference"}, {"Image", "Image"}};
  info.videos = {{"Video", "Reference", "VP90"}, {"Plain", "Reference"}};
  EXPECT_EQ(read_client_info(write_client_info(info)), info);
}

TEST(ClientInfo, WhatIsIncompleteIsPassedOver) {
  const ClientInfo info = read(
      "<ClientInfo TDATARequested='maybe' TDATAResolution='-5' ClientHeaderVersion='none'><ImageNames>"
      "<Image Name='a'/><Image EmbeddedTransformToFrame='b'/></ImageNames><MessageTypes><Message/><Other Type='IMAGE'/>"
      "</MessageTypes><VideoNames><Video Name='v'><Encoding "
      "FourCC='VP90'/></Video></VideoNames><Unknown/></ClientInfo>");
  EXPECT_EQ(info, ClientInfo{});
  EXPECT_EQ(summary_of(info), "nothing");
}

TEST(ClientInfo, WhatIsHostileIsRefused) {
  std::string many = "<ClientInfo><TransformNames>";
  for (int n = 0; n < 1001; ++n) many += "<Transform Name=\"aToB\"/>";
  std::string deep;
  for (int n = 0; n < 100; ++n) deep += "<a>";
  for (const std::string& xml :
       {std::string(), std::string("<a>"), deep, std::string("IMAGE"),
        std::string("<!DOCTYPE a [<!ENTITY b 'b'>]><ClientInfo/>"), many + "</TransformNames></ClientInfo>"}) {
    EXPECT_THROW(read(xml), Error) << xml.substr(0, 40);
  }
  EXPECT_THROW(read_client_info({}), Error);
}

Outgoing named(const char* type, const char* device) { return {.type = type, .device = device}; }

TEST(ClientInfo, OnlyWhatIsWishedForIsWanted) {
  ClientInfo info;
  info.types = {"TRACKEDFRAME", "TRANSFORM", "STRING", "POINT"};
  info.images = {{"Bone", "Reference"}};
  info.transforms = {"ProbeToReference", "AVeryLongNameOfAToolToTracker"};
  EXPECT_TRUE(wants(info, named("IMAGE", "Bone_Reference")));
  EXPECT_FALSE(wants(info, named("IMAGE", "Image_Reference")));
  EXPECT_TRUE(wants(info, named("TRANSFORM", "ProbeToReference")));
  EXPECT_FALSE(wants(info, named("TRANSFORM", "StylusToReference")));
  Outgoing cut = named("TRANSFORM", "AVeryLongNameOfATool");
  EXPECT_FALSE(wants(info, cut));
  cut.metadata = {{"IGTL_DEVICE_NAME", "AVeryLongNameOfAToolToTracker"}};
  EXPECT_TRUE(wants(info, cut));
  EXPECT_TRUE(wants(info, named("STRING", "anything")));
  EXPECT_TRUE(wants(info, named("POINT", "tips")));
  EXPECT_FALSE(wants(info, named("POLYDATA", "surface")));
  EXPECT_FALSE(wants(info, named("VIDEO", "Bone_Reference")));
  EXPECT_FALSE(wants({}, named("IMAGE", "Bone_Reference")));
  EXPECT_TRUE(wants({}, named("STATUS", "")));
}

Outgoing client_info(const ClientInfo& info) {
  Outgoing message{.type = "CLIENTINFO", .device = "Plus", .version = 1};
  message.content = write_client_info(info);
  return message;
}

TEST(ClientInfo, AServerObeysItAndCounts) {
  Endpoint server(server_settings(), {});
  RawPeer plus(server), slicer(server);
  ASSERT_TRUE(eventually([&] { return server.peers().size() == 2; }));
  ClientInfo info;
  info.types = {"STRING"};
  info.strings = {"two"};
  plus.send(client_info(info));
  ASSERT_TRUE(eventually([&] { return server.counters().received == 1; }));
  ASSERT_TRUE(eventually([&] {
    server.send(text_message("one", "1"));
    return server.counters().unwanted > 0;
  }));
  server.send(text_message("two", "2"));
  std::string device;
  while (device != "two") device = plus.receive().header.device;
  for (std::string other; other != "two";) other = slicer.receive().header.device;
  EXPECT_EQ(server.counters().skipped, 0u);
}

TEST(ClientInfo, EndsTrackingUntilItIsStartedAgain) {
  Endpoint server(server_settings(), {});
  RawPeer plus(server);
  Outgoing tools{.type = "TDATA", .device = "TDATA_1Elem"};
  tools.content = write_tracking({{.name = "Probe"}});
  ClientInfo info;
  info.types = {"TDATA"};
  plus.send(client_info(info));
  ASSERT_TRUE(eventually([&] {
    server.send(tools);
    return server.counters().unwanted > 0;
  }));
  Outgoing start{.type = "STT_TDATA", .device = "", .version = 1};
  start.content = write_tracking_wish({.interval_ms = 0, .coordinates = "Reference"});
  plus.send(start);
  while (plus.receive().header.type != "RTS_TDATA") {
  }
  server.send(tools);
  EXPECT_EQ(plus.receive().header.type, "TDATA");
  info.tracking = true;
  info.header_version = 2;
  plus.send(client_info(info));
  Received got;
  do {
    server.send(tools);
    got = plus.receive();
  } while (got.header.version == 1);
  EXPECT_EQ(got.header.type, "TDATA");
}

TEST(ClientInfo, AGreetingIsTheFirstThatEachPeerIsSent) {
  Endpoint server(server_settings(), {});
  RawPeer early(server);
  ASSERT_TRUE(eventually([&] { return server.peers().size() == 1; }));
  server.greet(client_info({}));
  EXPECT_EQ(early.receive().header.type, "CLIENTINFO");
  server.send(text_message("one", "1"));
  RawPeer late(server);
  EXPECT_EQ(late.receive().header.type, "CLIENTINFO");
}

}  // namespace
}  // namespace sagittal::igtl
