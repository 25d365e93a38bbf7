#include <gmock/gmock.h>

#include <future>

#include "expect_error.h"
#include "frames.h"
#include "stream/igtl/contents.h"
#include "stream/igtl/endpoints.h"
#include "stream/igtl/image.h"
#include "stream/operators/igtl_values.h"

namespace sagittal::stream {
namespace {

using igtl::eventually;
using igtl::kPatience;
using test::frame;
using test::give;
using test::keep;
using test::Kept;
using test::make;
using ::testing::ElementsAre;

constexpr UtcTime kThen = 1'700'000'000'250'000'000;

template <class T>
Message message(T value, std::string device = "Probe", UtcTime acquired = kThen) {
  return {{std::move(device), acquired, 7, {}}, value_type<T>(), std::make_shared<const T>(std::move(value))};
}

/// What comes out at the other side of a wire.
std::optional<Message> sent(const Message& original, UtcTime now = 0, std::uint16_t version = 2) {
  FramePool pool;
  const OutgoingValue out = outgoing_of(original, now, pool);
  const igtl::Packed packed = igtl::pack(out.message, version);
  auto bytes = std::make_shared<Bytes>(packed.front);
  bytes->insert(bytes->end(), packed.bulk.begin(), packed.bulk.end());
  bytes->insert(bytes->end(), packed.back.begin(), packed.back.end());
  igtl::Arrival arrival;
  arrival.utc = std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));
  const auto header =
      igtl::parse_header(std::span<const std::uint8_t, igtl::kHeaderBytes>(bytes->data(), igtl::kHeaderBytes));
  arrival.message = igtl::parse_body(header, ByteView(*bytes).subspan(igtl::kHeaderBytes));
  arrival.body = bytes;
  return message_of(arrival);
}

TEST(IgtlValues, FramesComeBackWithPlaceTimeAndNumber) {
  Frame picture = frame<std::uint16_t>(3, 2, {1, 2, 3, 4, 5, 60000});
  picture.geometry.spacing_mm = {0.5, 0.25, 1};
  picture.geometry.origin_mm = {10, -20, 30};
  picture.geometry.direction = {{{0, -1, 0}, {1, 0, 0}, {0, 0, 1}}};
  Message original = message(picture);
  original.envelope.metadata.set("Depth", "40");
  original.envelope.metadata.set(kMessageIdKey, "4000000000");
  const auto back = sent(original, kThen + 12'500'000);
  const Frame& found = *value_in<Frame>(*back);
  EXPECT_EQ(test::values_of<std::uint16_t>(found), test::values_of<std::uint16_t>(picture));
  EXPECT_TRUE(same_grid(found.geometry, picture.geometry));
  EXPECT_NEAR(static_cast<double>(back->envelope.acquired - kThen), 0, 1000);
  const Metadata& metadata = back->envelope.metadata;
  EXPECT_EQ(*metadata.find("Depth"), "40");
  EXPECT_EQ(*metadata.find(kAcquiredKey), "1700000000.250000");
  EXPECT_EQ(*metadata.find(kLatencyKey), "12.500");
  EXPECT_EQ(*metadata.find(kNumberKey), "7");
  EXPECT_EQ(*metadata.find(kMessageIdKey), "4000000000");
}

TEST(IgtlValues, PixelsStayInTheBodyThatCame) {
  const Frame colours = frame<std::uint8_t>(2, 1, {1, 2, 3, 4, 5, 6}, 3);
  const auto back = sent(message(colours));
  const Frame& found = *value_in<Frame>(*back);
  const auto& body = *static_cast<const Bytes*>(found.pixels.owner().get());
  EXPECT_GE(found.pixels.view().data(), body.data());
  EXPECT_LE(found.pixels.view().data() + found.pixels.size(), body.data() + body.size());
  EXPECT_EQ(found.components, 3);
}

TEST(IgtlValues, TheTimeOfArrivalStandsInForNone) {
  const auto back = sent(message(Text{"hello"}, "Text", 0));
  EXPECT_EQ(value_in<Text>(*back)->text, "hello");
  EXPECT_EQ(back->envelope.acquired, 1'800'000'000'000'000'000);
  EXPECT_EQ(back->envelope.metadata.find(kAcquiredKey), nullptr);
}

TEST(IgtlValues, WideIntegersBecomeFloat64) {
  const auto back = sent(message(frame<std::int32_t>(2, 1, {-2'000'000'001, 5})));
  EXPECT_THAT(test::values_of<double>(*value_in<Frame>(*back)), ElementsAre(-2'000'000'001.0, 5));
}

TEST(IgtlValues, TransformsAreRasOutsideAndLpsInside) {
  Transform pose{"ProbeToTracker", {{{0, -1, 0}, {1, 0, 0}, {0, 0, 1}}}, {1, 2, 3}, false};
  FramePool pool;
  const OutgoingValue out = outgoing_of(message(pose), 0, pool);
  EXPECT_THAT(igtl::read_transform(out.message.content), ElementsAre(0, 1, 0, -1, 0, 0, 0, 0, 1, -1, -2, 3));
  EXPECT_EQ(out.message.device, "ProbeToTracker");
  const auto back = sent(message(pose));
  const Transform& found = *value_in<Transform>(*back);
  EXPECT_EQ(found.matrix, pose.matrix);
  EXPECT_EQ(found.translation_mm, pose.translation_mm);
  EXPECT_FALSE(found.valid);
  EXPECT_TRUE(value_in<Transform>(*sent(message(pose), 0, 1))->valid) << "version 1 has no metadata to say so";
}

TEST(IgtlValues, OtherValuesComeBack) {
  const Points points{{{"a", "g", {1, 2, 3}, 4, {9, 8, 7, 6}}}};
  const auto found_points = sent(message(points));
  const Point& point = value_in<Points>(*found_points)->points.at(0);
  EXPECT_EQ(point.position_mm, points.points[0].position_mm);
  EXPECT_EQ(point.diameter_mm, 4);
  const Polylines lines{{{{{0, 0, 0}, {1, 0, 0}, {1, 1, 0}}, true, 2}, {{{5, 5, 5}, {6, 6, 6}}, false, 1}}};
  const auto found_lines = sent(message(lines));
  const auto& all = value_in<Polylines>(*found_lines)->lines;
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0].closed);
  EXPECT_EQ(all[0].points_mm, lines.lines[0].points_mm);
  EXPECT_FALSE(all[1].closed);
  const Tracking tracking{{{"Stylus", {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {7, 8, 9}}}};
  EXPECT_EQ(value_in<Tracking>(*sent(message(tracking)))->tools.at(0).translation_mm, (Vec3{7, 8, 9}));
  EXPECT_EQ(value_in<Status>(*sent(message(Status{3, "Panic", "smoke"})))->message, "smoke");
  const Encoded encoded{"VP90", true, 1, false, {.size = {64, 48, 1}}, SharedBytes(Bytes{1, 2, 3})};
  const auto found_video = sent(message(encoded));
  EXPECT_EQ(value_in<Encoded>(*found_video)->bytes.size(), 3u);
  EXPECT_TRUE(value_in<Encoded>(*found_video)->key_frame);
  EXPECT_EQ(value_in<Encoded>(*found_video)->codec, "VP90");
}

TEST(IgtlValues, OutlinesOfAVolumeOfSlicerDoNotSayThatTheyAreOne) {
  Message outlines = message(Polylines{{{{{0, 0, 0}, {1, 0, 0}}, false, 1}}});
  outlines.envelope.metadata.set("MRMLNodeName", "Volume");
  outlines.envelope.metadata.set("Depth", "40");
  const auto found = sent(outlines);
  EXPECT_EQ(found->envelope.metadata.find("MRMLNodeName"), nullptr);
  EXPECT_NE(found->envelope.metadata.find("Depth"), nullptr);
}

TEST(IgtlValues, BigEndianPixelsAreTurned) {
  igtl::Image head;
  head.scalar = igtl::Scalar::uint16;
  head.byte_order = igtl::ByteOrder::big;
  head.frame.size = head.frame.part_size = {2, 1, 1};
  Bytes content = igtl::write_image_head(head);
  for (const int byte : {1, 2, 3, 4}) content.push_back(static_cast<std::uint8_t>(byte));
  igtl::Arrival arrival;
  arrival.message.header.type = "IMAGE";
  arrival.message.content = content;
  EXPECT_THAT(test::values_of<std::uint16_t>(*value_in<Frame>(*message_of(arrival))), ElementsAre(0x0102, 0x0304));
  head.frame.size = {4, 1, 1};
  content = igtl::write_image_head(head);
  content.resize(content.size() + 4);
  arrival.message.content = content;
  EXPECT_FALSE(message_of(arrival)) << "a part";
}

std::uint16_t port_of(const PipelineRun& run, std::size_t op) {
  return run.statistics().operators.at(op).counters.at("port").get<std::uint16_t>();
}

TEST(IgtlOperators, APeerGetsBackWhatItSentThroughOneConnection) {
  Graph graph;
  const OperatorRegistry registry = test::standard_operators();
  graph.add("in", registry.make("igtl_input"), {{"role", "server"}, {"port", 0}, {"share", "slicer"}});
  graph.add("flip", registry.make("flip"));
  graph.add("out", registry.make("igtl_output"), {{"share", "slicer"}, {"port", 0}});
  graph.connect("in.frame", "flip");
  graph.connect("in.transform", "out");
  graph.connect("flip", "out");
  PipelineRun run(std::move(graph), {});
  EXPECT_EQ(port_of(run, 0), port_of(run, 2));

  igtl::Inbox inbox;
  igtl::EndpointSettings settings;
  settings.role = igtl::Role::client;
  settings.port = port_of(run, 0);
  settings.header_version = 2;
  igtl::Endpoint peer(settings, inbox.handlers());
  ASSERT_TRUE(eventually([&] { return !peer.peers().empty(); }));
  FramePool pool;
  OutgoingValue out = outgoing_of(message(frame<std::uint8_t>(1, 2, {1, 2}), "A name that is longer than 20"), 0, pool);
  peer.send(std::move(out.message), std::move(out.owner));
  const auto back = message_of(inbox.at(0));
  EXPECT_THAT(test::values_of<std::uint8_t>(*value_in<Frame>(*back)), ElementsAre(2, 1));
  EXPECT_EQ(back->envelope.device, "A name that is longer than 20");
  EXPECT_NEAR(static_cast<double>(back->envelope.acquired - kThen), 0, 1000);
  OutgoingValue pose = outgoing_of(message(Transform{"StylusToReference"}), 0, pool);
  peer.send(std::move(pose.message));
  EXPECT_EQ(value_in<Transform>(*message_of(inbox.at(1)))->name, "StylusToReference");
  run.stop();
  EXPECT_EQ(run.wait().ending, Ending::stopped);
}

TEST(IgtlOperators, LongNamesStayDifferent) {
  std::vector<std::pair<Text, Envelope>> texts;
  for (const char* name : {"A name longer than 20 one", "A name longer than 20 two", "A name longer than 20 one"}) {
    texts.push_back({Text{name}, {name}});
  }
  igtl::Inbox inbox;
  igtl::Endpoint server(igtl::server_settings(), inbox.handlers());
  Graph graph;
  auto texts_then_wait = give(std::move(texts));
  graph.add("source", std::move(texts_then_wait), {}, {.periodic = Periodic{std::chrono::milliseconds(200)}});
  graph.add("out", make("igtl_output"),
            {{"role", "client"}, {"port", server.port()}, {"when_full", "block"}, {"header_version", "2"}});
  graph.connect("source", "out");
  PipelineRun run(std::move(graph), {});
  EXPECT_EQ(run.wait().ending, Ending::finished);
  const auto last = inbox.at(1), before = inbox.at(0);
  EXPECT_NE(last.message.header.device, before.message.header.device);
  EXPECT_LE(last.message.header.device.size(), 20u);
  EXPECT_EQ(message_of(last)->envelope.device, value_in<Text>(*message_of(last))->text);
}

TEST(IgtlOperators, CommandsGoToTheirPort) {
  const auto kept = std::make_shared<Kept<Command>>();
  Graph graph;
  graph.add("in", make("igtl_input"), {{"role", "server"}, {"port", 0}});
  graph.add("sink", keep(kept));
  graph.connect("in.command", "sink");
  PipelineRun run(std::move(graph), {});
  igtl::EndpointSettings settings;
  settings.role = igtl::Role::client;
  settings.port = port_of(run, 0);
  igtl::Inbox inbox;
  igtl::Endpoint peer(settings, inbox.handlers());
  ASSERT_TRUE(eventually([&] { return !peer.peers().empty(); }));
  FramePool pool;
  peer.send(outgoing_of(message(Command{5, "SetParameter", "<x/>", 0}), 0, pool).message);
  ASSERT_TRUE(eventually([&] { return kept->size() == 1; }));
  EXPECT_EQ((*kept)[0].name, "SetParameter");
  EXPECT_EQ((*kept)[0].id, 5u);
  EXPECT_EQ(inbox.at(0).message.header.type, "RTS_COMMAND");
}

TEST(IgtlOperators, PeersChangeSettingsAndStopWhereTheyMay) {
  Graph graph;
  const OperatorRegistry registry = test::standard_operators();
  graph.add("in", registry.make("igtl_input"), {{"role", "server"}, {"port", 0}, {"control", true}});
  graph.add("flip", registry.make("flip"));
  graph.connect("in.frame", "flip");
  PipelineRun run(std::move(graph), {});
  igtl::EndpointSettings settings;
  settings.role = igtl::Role::client;
  settings.port = port_of(run, 0);
  settings.header_version = 2;
  igtl::Inbox inbox;
  igtl::Endpoint peer(settings, inbox.handlers());
  ASSERT_TRUE(eventually([&] { return !peer.peers().empty(); }));
  FramePool pool;
  const auto flipped = [&] { return run.statistics().operators.at(1).parameters.at("vertically"); };
  const Json before = flipped();
  const std::string other = before == true ? "false" : "true";
  peer.send(outgoing_of(message(Command{5, "SetParameter", "flip.vertically=" + other, 0}), 0, pool).message);
  ASSERT_TRUE(eventually([&] { return flipped() != before; }));
  EXPECT_EQ(inbox.at(0).message.header.type, "RTS_COMMAND");
  peer.send(outgoing_of(message(Text{"flip.vertically=" + before.dump()}, "Control"), 0, pool).message);
  ASSERT_TRUE(eventually([&] { return flipped() == before; }));
  peer.send(outgoing_of(message(Text{"STOP"}, "Text"), 0, pool).message);
  EXPECT_EQ(run.wait().why, "stopped by a peer");
}

}  // namespace
}  // namespace sagittal::stream
