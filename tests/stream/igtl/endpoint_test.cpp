#include "stream/igtl/endpoint.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>

#include "endpoints.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::igtl {
namespace {

using namespace std::chrono_literals;

class Log {
 public:
  LogSink sink() {
    return [this](LogLevel, std::string_view line) {
      const std::lock_guard lock(mutex_);
      text_ += std::string(line) + "\n";
    };
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

bool has_peers(const Endpoint& endpoint, std::size_t count) {
  return eventually([&] { return endpoint.peers().size() == count; });
}

TEST(Endpoint, AMessageArrivesWithAllThatBelongsToIt) {
  Inbox inbox;
  Endpoint server(server_settings(), inbox.handlers());
  EndpointSettings settings = client_settings(server);
  settings.header_version = 2;
  Endpoint client(settings, {});
  ASSERT_TRUE(has_peers(server, 1));
  Outgoing message = text_message("Probe", "hello");
  message.timestamp = Timestamp{1} << 32;
  message.message_id = 7;
  message.metadata = {{"key", "value"}};
  const auto before = std::chrono::system_clock::now();
  ASSERT_TRUE(has_peers(client, 1));
  client.send(message);
  EXPECT_EQ(inbox.at(0).message.header.type, "STATUS");  // it announces its version
  const Arrival arrival = inbox.at(1);
  EXPECT_EQ(text_of(arrival), "hello");
  EXPECT_EQ(arrival.message.header.device, "Probe");
  EXPECT_EQ(arrival.message.header.timestamp, message.timestamp);
  EXPECT_EQ(arrival.message.message_id, 7u);
  EXPECT_EQ(arrival.message.metadata, message.metadata);
  EXPECT_GE(arrival.utc, before);
  EXPECT_EQ(arrival.connection, server.peers().at(0).connection);
}

TEST(Endpoint, VoxelsAreNeitherCopiedNorForgotten) {
  Inbox inbox;
  Endpoint server(server_settings(), {});
  Endpoint client(client_settings(server), inbox.handlers());
  ASSERT_TRUE(has_peers(server, 1));
  auto voxels = std::make_shared<Bytes>(std::size_t{640} * 480, std::uint8_t{7});
  const std::weak_ptr<Bytes> watched = voxels;
  Outgoing message{.type = "IMAGE", .device = "Image"};
  Image image;
  image.frame.size = image.frame.part_size = {640, 480, 1};
  message.content = write_image_head(image);
  message.bulk = *voxels;
  server.send(message, std::move(voxels));
  ASSERT_FALSE(watched.expired());  // for who asks later
  const Arrival arrival = inbox.at(0);
  EXPECT_EQ(read_image(arrival.message.content).voxels.size(), 640u * 480u);
  EXPECT_EQ(arrival.message.content.back(), 7);
  server.send(text_message("Image", "no image"));
  EXPECT_FALSE(watched.expired());
  image.frame.size = image.frame.part_size = {1, 1, 1};
  message.content = write_image_head(image);
  message.content.push_back(0);
  message.bulk = {};
  server.send(message);
  EXPECT_TRUE(eventually([&] { return watched.expired(); }));
}

TEST(Endpoint, AllClientsAreSentTo) {
  Inbox one, two;
  Endpoint server(server_settings(), {});
  Endpoint first(client_settings(server), one.handlers());
  Endpoint second(client_settings(server), two.handlers());
  ASSERT_TRUE(has_peers(server, 2));
  server.send(text_message("a", "to all"));
  EXPECT_EQ(text_of(one.at(0)), "to all");
  EXPECT_EQ(text_of(two.at(0)), "to all");
  const ConnectionId last = server.peers().at(1).connection;
  EXPECT_TRUE(server.send_to(last, std::make_shared<SharedMessage>(text_message("a", "to one"), nullptr)));
  EXPECT_FALSE(server.send_to(last + 9, std::make_shared<SharedMessage>(text_message("a", "none"), nullptr)));
  EXPECT_TRUE(eventually([&] { return one.size() + two.size() == 3; }));
  EXPECT_TRUE(server.flush(kPatience));
  EXPECT_EQ(server.counters().sent, 3u);
  EXPECT_EQ(server.counters().connects, 2u);
}

TEST(Endpoint, Version1IsSpokenUntilThePeerSpoke2) {
  Endpoint server(server_settings(), {});
  RawPeer peer(server);
  ASSERT_TRUE(has_peers(server, 1));
  server.send(text_message("a", "one"));
  EXPECT_EQ(peer.receive().header.version, 1);
  Outgoing hello{.type = "STATUS", .device = "", .version = 2};
  hello.content = write_status({});
  peer.send(hello);
  ASSERT_TRUE(eventually([&] { return server.peers().at(0).header_version == 2; }));
  server.send(text_message("a", "two"));
  EXPECT_EQ(peer.receive().header.version, 2);
  hello.version = 1;  // stays
  peer.send(hello);
  ASSERT_TRUE(eventually([&] { return server.counters().received == 2; }));
  server.send(text_message("a", "three"));
  EXPECT_EQ(peer.receive().header.version, 2);
}

TEST(Endpoint, AFixedVersionIsKept) {
  for (const int version : {1, 2}) {
    EndpointSettings settings = server_settings();
    settings.header_version = version;
    Endpoint server(settings, {});
    RawPeer peer(server);
    Outgoing hello{.type = "STATUS", .device = "", .version = 2};
    hello.content = write_status({});
    peer.send(hello);
    ASSERT_TRUE(eventually([&] { return server.counters().received == 1; }));
    server.send(text_message("a", "one"));
    EXPECT_EQ(peer.receive().header.version, version);
  }
  EndpointSettings settings = server_settings();
  settings.header_version = 3;
  EXPECT_ERROR(Endpoint(settings, {}), ErrorCode::bad_input);
}

TEST(Endpoint, AClientComesBackWheneverTheServerDoes) {
  std::uint16_t port = 0;
  std::unique_ptr<Endpoint> client;
  Inbox inbox;
  for (int round = 0; round < 4; ++round) {
    EndpointSettings settings = server_settings();
    settings.port = port;
    Endpoint server(settings, {});
    port = server.port();
    if (client == nullptr) client = std::make_unique<Endpoint>(client_settings(server), inbox.handlers());
    ASSERT_TRUE(has_peers(server, 1));
    server.send(text_message("a", std::to_string(round)));
    EXPECT_EQ(text_of(inbox.at(static_cast<std::size_t>(round))), std::to_string(round));
  }
  EXPECT_EQ(client->counters().connects, 4u);
}

TEST(Endpoint, WaitingForAServerCanBeEnded) {
  std::uint16_t port = 0;
  {
    const Endpoint gone(server_settings(), {});
    port = gone.port();
  }
  EndpointSettings settings;
  settings.role = Role::client;
  settings.port = port;
  std::atomic<int> said = 0;
  Endpoint client(settings, {}, [&](LogLevel, std::string_view) { ++said; });
  EXPECT_TRUE(eventually([&] { return said > 0; }));
  std::this_thread::sleep_for(300ms);
  EXPECT_EQ(said, 1);  // the same failure is said once
  const auto begin = std::chrono::steady_clock::now();
  client.close();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
}

TEST(Endpoint, ATakenPortIsSaid) {
  const Endpoint server(server_settings(), {});
  EndpointSettings settings;
  settings.port = server.port();
  EXPECT_ERROR(Endpoint(settings, {}), ErrorCode::unavailable);
}

TEST(Endpoint, MoreClientsThanAllowedAreTurnedAway) {
  EndpointSettings settings = server_settings();
  settings.max_clients = 2;
  Endpoint server(settings, {});
  RawPeer one(server), two(server);
  ASSERT_TRUE(has_peers(server, 2));
  RawPeer three(server);
  EXPECT_TRUE(three.is_left());
  EXPECT_EQ(server.counters().turned_away, 1u);
  one.close();
  ASSERT_TRUE(has_peers(server, 1));
  RawPeer four(server);
  ASSERT_TRUE(has_peers(server, 2));
}

TEST(Endpoint, WhoIsIdleTooLongIsLeft) {
  EndpointSettings settings = server_settings();
  settings.incoming.idle_timeout = 50ms;
  Endpoint server(settings, {});
  RawPeer peer(server);
  EXPECT_TRUE(peer.is_left());
}

TEST(Endpoint, WhoTakesNothingLosesTheOldAndDelaysNobody) {
  Inbox inbox;
  Endpoint server(server_settings(), {});
  RawPeer silent(server);
  Endpoint client(client_settings(server), inbox.handlers());
  ASSERT_TRUE(has_peers(server, 2));
  const auto voxels = std::make_shared<Bytes>(4 << 20);
  Outgoing message{.type = "IMAGE", .device = "Image"};
  Image image;
  image.frame.size = image.frame.part_size = {2048, 2048, 1};
  message.content = write_image_head(image);
  message.bulk = *voxels;
  for (std::uint32_t n = 0; n < 20; ++n) {
    message.timestamp = n + 1;
    server.send(message, voxels);
    ASSERT_EQ(inbox.at(n).message.header.timestamp, n + 1);
  }
  std::uint64_t dropped = 0;
  for (const PeerInfo& peer : server.peers()) dropped += peer.counters.dropped;
  EXPECT_GT(dropped, 10u);
  EXPECT_EQ(server.counters().dropped, dropped);
  Timestamp last = 0;
  while (last < 20) last = silent.receive().header.timestamp;  // it wakes up: the newest is there
}

TEST(Endpoint, WhoStallsTooLongIsLeft) {
  EndpointSettings settings = server_settings();
  settings.stall_timeout = 100ms;
  std::string reason;
  Endpoint server(settings,
                  {.disconnected = [&](const PeerInfo&, std::string_view why) { reason = std::string(why); }});
  RawPeer silent(server);
  ASSERT_TRUE(has_peers(server, 1));
  const auto bytes = std::make_shared<Bytes>(64 << 20);
  Outgoing message{.type = "ANYTHING", .device = "a"};
  message.bulk = *bytes;
  server.send(message, bytes);
  ASSERT_TRUE(has_peers(server, 0));
  server.close();
  EXPECT_NE(reason.find("does not take"), std::string::npos) << reason;
}

TEST(Endpoint, ASignOfLifeIsSentWhereAsked) {
  EndpointSettings settings = server_settings();
  settings.keep_alive = 20ms;
  Endpoint server(settings, {});
  RawPeer peer(server);
  for (int n = 0; n < 3; ++n) EXPECT_EQ(read_status(peer.receive().content).code, 1);
}

TEST(Endpoint, WhoComesLateIsSentWhatIsAsked) {
  EndpointSettings settings = server_settings();
  settings.push_on_connect = {"TRANSFORM", "STRING"};
  Endpoint server(settings, {});
  Outgoing transform{.type = "TRANSFORM", .device = "ProbeToTracker"};
  transform.content = write_transform({1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3});
  server.send(text_message("Text", "old"));
  server.send(transform);
  server.send(text_message("Text", "new"));
  server.send({.type = "CUSTOM", .device = "x"});
  RawPeer peer(server);
  EXPECT_EQ(peer.receive().header.device, "ProbeToTracker");
  EXPECT_EQ(read_string(peer.receive().content).text, "new");
  server.send(text_message("Text", "next"));
  EXPECT_EQ(read_string(peer.receive().content).text, "next");
}

TEST(Endpoint, WhoSendsGarbageIsCutOffWithTheReasonInTheLog) {
  Log log;
  Endpoint server(server_settings(), {}, log.sink());
  RawPeer peer(server);
  peer.send(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html; and more\r\n\r\n"));
  EXPECT_TRUE(peer.is_left());
  ASSERT_TRUE(has_peers(server, 0));
  EXPECT_NE(log.text().find("ended: OpenIGTLink: a header of version 18245"), std::string::npos) << log.text();
}

TEST(Endpoint, OneConnectionCanBeEnded) {
  Endpoint server(server_settings(), {});
  RawPeer one(server);
  ASSERT_TRUE(has_peers(server, 1));
  server.disconnect(server.peers().at(0).connection);
  EXPECT_TRUE(one.is_left());
  EXPECT_TRUE(has_peers(server, 0));
  EXPECT_EQ(server.counters().disconnects, 1u);
}

TEST(Endpoint, AHandlersErrorEndsNothing) {
  std::atomic<int> calls = 0;
  Endpoint server(server_settings(), {.message = [&](const Arrival&) {
                    if (++calls == 1) throw Error(ErrorCode::bad_input, "no");
                  }});
  RawPeer peer(server);
  peer.send(text_message("a", "one"));
  peer.send(text_message("a", "two"));
  EXPECT_TRUE(eventually([&] { return calls == 2; }));
  EXPECT_EQ(server.counters().refused, 1u);
}

TEST(Endpoint, TlsHidesAndProves) {
  const Scratch folder;
  const std::string key = (folder / "key.pem").string(), certificate = (folder / "cert.pem").string();
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test -addext "
      "subjectAltName=IP:127.0.0.1 -keyout " +
      key + " -out " + certificate + " >/dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EndpointSettings settings = server_settings();
  settings.tls_certificate = certificate;
  settings.tls_key = key;
  Inbox inbox;
  Endpoint server(settings, inbox.handlers());
  RawPeer plain(server);
  plain.send(text_message("a", "plain"));
  EXPECT_TRUE(plain.is_left());
  EndpointSettings ours = client_settings(server);
  ours.tls = true;
  ours.tls_ca = certificate;
  Inbox answers;
  Endpoint client(ours, answers.handlers());
  ASSERT_TRUE(eventually([&] { return client.counters().connects == 1; }));
  const std::string text(60'000, 'x');
  client.send(text_message("a", text));
  EXPECT_EQ(text_of(inbox.at(0)), text);
  server.send(text_message("b", "back"));
  EXPECT_EQ(text_of(answers.at(0)), "back");
  EXPECT_EQ(inbox.size(), 1u);
}

}  // namespace
}  // namespace sagittal::igtl
