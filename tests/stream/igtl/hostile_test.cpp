#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "endpoints.h"
#include "stream/igtl/crc64.h"
#include "stream/igtl/endpoint.h"
#include "stream/igtl/polydata.h"

namespace sagittal::igtl {
namespace {

using namespace std::chrono_literals;

/// Streams to a good client all the while, and fails where one message of it is late or missing.
class Bystander {
 public:
  Bystander()
      : server_(settings(), inbox_.handlers()),
        client_(client_settings(server_), {.message = [this](const Arrival& arrival) { check(arrival); }}) {
    EXPECT_TRUE(eventually([&] { return server_.peers().size() == 1; }));
    thread_ = std::thread([this] { stream(); });
    EXPECT_TRUE(eventually([&] { return seen_ > 0; }));
  }
  ~Bystander() {
    over_ = true;
    thread_.join();
    EXPECT_TRUE(eventually([&] { return seen_ == sent_; })) << seen_ << " of " << sent_;
    EXPECT_EQ(client_.counters().disconnects, 0u);
  }
  Endpoint& server() { return server_; }
  Inbox& inbox() { return inbox_; }

 private:
  static EndpointSettings settings() {
    EndpointSettings out = server_settings();
    out.queue = {.policy = QueuePolicy::drop_newest, .messages = 1000};
    return out;
  }
  void stream() {
    while (!over_) {
      Outgoing message{.type = "TRANSFORM", .device = "Tool", .timestamp = ++sent_};
      message.content = write_transform({1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0});
      server_.send(message);
      std::this_thread::sleep_for(1ms);
    }
  }
  void check(const Arrival& arrival) {
    if (arrival.message.header.device != "Tool") return;
    EXPECT_EQ(arrival.message.header.timestamp, ++seen_);
  }

  Inbox inbox_;
  std::atomic<std::uint64_t> sent_ = 0, seen_ = 0;
  std::atomic<bool> over_ = false;
  Endpoint server_, client_;
  std::thread thread_;
};

/// A message of the library, changed behind its header, with the checksum that it then should have.
Bytes forged(const std::string& type, int version, const std::function<void(Bytes& body)>& change) {
  const Bytes& good = vectors().at({type, version});
  Header header = parse_header(ByteView(good).first<kHeaderBytes>());
  Bytes body(good.begin() + kHeaderBytes, good.end());
  change(body);
  header.body_bytes = body.size();
  header.crc = crc64(body);
  const auto head = write_header(header);
  Bytes out(kHeaderBytes + body.size());
  std::copy(head.begin(), head.end(), out.begin());
  std::copy(body.begin(), body.end(), out.begin() + kHeaderBytes);
  return out;
}
Bytes with_bytes(const std::string& type, int version, std::size_t at, std::initializer_list<std::uint8_t> values) {
  return forged(type, version, [&](Bytes& body) { std::copy(values.begin(), values.end(), body.begin() + at); });
}
Bytes cut(const std::string& type, std::size_t by) {
  return forged(type, 1, [&](Bytes& body) { body.resize(body.size() - by); });
}
Bytes longer(const std::string& type) {
  return forged(type, 1, [](Bytes& body) { body.push_back(0); });
}

/// Whose sizes or numbers contradict their type, while the messages behind them can still be found.
std::vector<std::pair<const char*, Bytes>> bad_contents() {
  return {
      {"an extended header of nothing", with_bytes("STRING", 2, 0, {0, 0})},
      {"an extended header that is too short", with_bytes("STRING", 2, 0, {0, 11})},
      {"an extended header beyond the body", with_bytes("STRING", 2, 0, {0xFF, 0xFF})},
      {"a metadata head beyond the body", with_bytes("STRING", 2, 2, {0xFF, 0xFF})},
      {"a metadata head without its entries", with_bytes("STRING", 2, 2, {0, 0})},
      {"metadata beyond the body", with_bytes("STRING", 2, 4, {0xFF, 0xFF, 0xFF, 0xFF})},
      {"metadata of no bytes", with_bytes("STRING", 2, 4, {0, 0, 0, 0})},
      {"a body shorter than its extended header", forged("STRING", 2, [](Bytes& body) { body.resize(5); })},
      {"no body at all", forged("STRING", 2, [](Bytes& body) { body.clear(); })},
      {"a short TRANSFORM", cut("TRANSFORM", 1)},
      {"a long TRANSFORM", longer("TRANSFORM")},
      {"a short POSITION", cut("POSITION", 1)},
      {"a STRING beyond its body", with_bytes("STRING", 1, 2, {0xFF, 0xFF})},
      {"a STRING with a rest", longer("STRING")},
      {"a short STATUS", forged("STATUS", 1, [](Bytes& body) { body.resize(9); })},
      {"a CAPABILITY of broken words", cut("CAPABILITY", 1)},
      {"a TDATA of broken tools", cut("TDATA", 1)},
      {"a TDATA with a tool of no kind", with_bytes("TDATA", 1, 20, {9})},
      {"a QTDATA of broken tools", cut("QTDATA", 1)},
      {"a POINT of broken points", cut("POINT", 1)},
      {"a TRAJ of broken lines", cut("TRAJ", 1)},
      {"an IMGMETA of broken entries", cut("IMGMETA", 1)},
      {"an LBMETA of broken entries", cut("LBMETA", 1)},
      {"an IMAGE of another format", with_bytes("IMAGE", 1, 0, {0, 9})},
      {"an IMAGE without components", with_bytes("IMAGE", 1, 2, {0})},
      {"an IMAGE of no numbers", with_bytes("IMAGE", 1, 3, {99})},
      {"an IMAGE of no byte order", with_bytes("IMAGE", 1, 4, {7})},
      {"an IMAGE in no coordinates", with_bytes("IMAGE", 1, 5, {7})},
      {"an IMAGE without rows", with_bytes("IMAGE", 1, 6, {0, 0})},
      {"an IMAGE larger than its voxels", forged("IMAGE", 1,
                                                 [](Bytes& body) {
                                                   std::fill_n(body.begin() + 6, 6, 0xFF);
                                                   std::fill_n(body.begin() + 66, 6, 0xFF);
                                                 })},
      {"an IMAGE whose part lies outside", with_bytes("IMAGE", 1, 60, {0xFF, 0xFF})},
      {"an IMAGE with fewer voxels", cut("IMAGE", 1)},
      {"an IMAGE with more voxels", longer("IMAGE")},
      {"an NDARRAY of too many numbers", with_bytes("NDARRAY", 1, 2, {0xFF, 0xFF})},
      {"an NDARRAY of no numbers", with_bytes("NDARRAY", 1, 0, {99})},
      {"a SENSOR of too many values", with_bytes("SENSOR", 1, 0, {0xFF})},
      {"a POLYDATA of too many points", with_bytes("POLYDATA", 1, 0, {0xFF, 0xFF, 0xFF, 0xFF})},
      {"a POLYDATA of too many attributes", with_bytes("POLYDATA", 1, 36, {0xFF, 0xFF, 0xFF, 0xFF})},
      {"a COLORT that is cut", cut("COLORT", 1)},
      {"a BIND of too many parts", with_bytes("BIND", 1, 0, {0xFF, 0xFF})},
      {"a COMMAND beyond its body", with_bytes("COMMAND", 2, 12 + 134, {0xFF, 0xFF, 0xFF, 0xFF})},
      {"a VIDEO without its head", forged("VIDEO", 1, [](Bytes& body) { body.resize(30); })},
  };
}

TEST(HostilePeer, BadContentsAreRefusedOneByOne) {
  Bystander bystander;
  Endpoint& server = bystander.server();
  RawPeer peer(server);
  std::uint64_t refused = 0, good = 0;
  for (const auto& [what, bytes] : bad_contents()) {
    peer.send(bytes);
    EXPECT_TRUE(eventually([&] { return server.counters().refused == refused + 1; }, 5s)) << what;
    refused = server.counters().refused;
    peer.send(text_message("a", what));  // the place in the stream is not lost
    EXPECT_EQ(text_of(bystander.inbox().at(good++)), what);
  }
  EXPECT_GE(refused, 40u);
  EXPECT_EQ(server.counters().disconnects, 0u);
}

TEST(HostilePeer, WhatIsNoMessageEndsTheConnection) {
  Bystander bystander;
  Endpoint& server = bystander.server();
  const auto head = [](std::size_t at, std::initializer_list<std::uint8_t> values) {
    Bytes bytes = vectors().at({"STRING", 1});
    std::copy(values.begin(), values.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return bytes;
  };
  const ByteView http = as_bytes("GET /cgi-bin/status HTTP/1.1\r\nHost: here.example.org\r\nUser-Agent: a\r\n\r\n");
  const std::vector<std::pair<const char*, Bytes>> all{
      {"version 0", head(0, {0, 0})},
      {"version 4", head(0, {0, 4})},
      {"version 65535", head(0, {0xFF, 0xFF})},
      {"no type", head(2, {0})},
      {"a type of spaces", head(2, {' ', ' '})},
      {"a type of control characters", head(2, {7})},
      {"a type that is not ASCII", head(2, {0xC3, 0xA4})},
      {"a body of 2^64 - 1 bytes", head(42, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})},
      {"a body of 2^63 bytes", head(42, {0x80, 0, 0, 0, 0, 0, 0, 0})},
      {"a body just too large", head(42, {0, 0, 0, 0, 0x10, 0, 0, 1})},
      {"a browser", Bytes(http.begin(), http.end())},
      {"zeros", Bytes(4096, 0)},
      {"ones", Bytes(4096, 0xFF)},
  };
  std::uint64_t refused = 0;
  for (const auto& [what, bytes] : all) {
    RawPeer peer(server);
    peer.send(bytes);
    EXPECT_TRUE(peer.is_left()) << what;
    EXPECT_TRUE(eventually([&] { return server.counters().refused == refused + 1; })) << what;
    refused = server.counters().refused;
  }
  EXPECT_EQ(bystander.inbox().size(), 0u);
}

TEST(HostilePeer, AWrongChecksumIsCountedAndTooManyEndTheConnection) {
  Bystander bystander;
  Endpoint& server = bystander.server();
  RawPeer peer(server);
  Bytes wrong = vectors().at({"STRING", 1});
  wrong.back() ^= 1;
  for (int n = 0; n < 19; ++n) peer.send(wrong);
  peer.send(text_message("a", "good"));  // begins the count anew
  EXPECT_EQ(text_of(bystander.inbox().at(0)), "good");
  EXPECT_EQ(server.counters().bad_checksums, 19u);
  for (int n = 0; n < 20; ++n) peer.send(wrong);
  EXPECT_TRUE(peer.is_left());
  EXPECT_EQ(server.counters().bad_checksums, 39u);
}

TEST(HostilePeer, WhoBreaksOffDisturbsNobody) {
  Bystander bystander;
  Endpoint& server = bystander.server();
  const Bytes good = vectors().at({"IMAGE", 2});
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{57}, std::size_t{58}, good.size() - 1}) {
    RawPeer peer(server);
    peer.send(ByteView(good).first(size));
    peer.close();
  }
  EXPECT_TRUE(eventually([&] { return server.counters().disconnects == 5; }));
  EXPECT_EQ(bystander.inbox().size(), 0u);
}

TEST(HostilePeer, UnknownTypesAreSkipped) {
  Bystander bystander;
  RawPeer peer(bystander.server());
  Outgoing unknown{.type = "TRACKEDFRAME", .device = "Plus"};
  unknown.content = Bytes(100, 'x');
  for (int n = 0; n < 50; ++n) peer.send(unknown);
  peer.send(text_message("a", "known"));
  EXPECT_EQ(text_of(bystander.inbox().at(0)), "known");
  EXPECT_EQ(bystander.server().counters().skipped, 50u);
}

TEST(HostilePeer, AnExtendedHeaderMayBeLonger) {
  Bystander bystander;
  RawPeer peer(bystander.server());
  peer.send(forged("STRING", 2, [](Bytes& body) {
    body[1] = 16;
    body.insert(body.begin() + 12, {1, 2, 3, 4});
  }));
  EXPECT_EQ(bystander.inbox().at(0).message.message_id, 77u);
}

TEST(HostilePeer, AskingForMoreThanItTakesFillsNoMemory) {
  Bystander bystander;
  Endpoint& server = bystander.server();
  const auto voxels = std::make_shared<Bytes>(std::size_t{1} << 20);
  Outgoing message{.type = "IMAGE", .device = "Image"};
  Image image;
  image.frame.size = image.frame.part_size = {1024, 1024, 1};
  message.content = write_image_head(image);
  message.bulk = *voxels;
  RawPeer greedy(server);
  server.send(message, voxels);
  const Bytes question = joined(pack({.type = "GET_IMAGE", .device = "Image"}));
  Bytes questions;
  for (int n = 0; n < 1000; ++n) questions.insert(questions.end(), question.begin(), question.end());
  for (int n = 0; n < 20; ++n) greedy.send(questions);
  EXPECT_TRUE(eventually([&] { return server.counters().received == 20'000; }));
  EXPECT_GT(voxels.use_count(), 1);
  EXPECT_GT(server.counters().dropped, 15'000u);
}

}  // namespace
}  // namespace sagittal::igtl
