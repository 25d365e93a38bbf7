#include "server/http/web_socket.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "server/http/listener.h"
#include "test_client.h"

namespace sagittal::server::http {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

/// A client's frame; a key of zeros leaves the payload readable.
std::string frame(char opcode, const std::string& payload, bool masked = true) {
  std::string bytes(1, static_cast<char>(0x80 | opcode));
  const char mask = masked ? static_cast<char>(0x80) : '\0';
  if (payload.size() < 126) {
    bytes += static_cast<char>(mask | static_cast<char>(payload.size()));
  } else {
    bytes += static_cast<char>(mask | 126);
    bytes += static_cast<char>(payload.size() >> 8);
    bytes += static_cast<char>(payload.size() & 255);
  }
  if (masked) bytes += std::string(4, '\0');
  return bytes + payload;
}

struct Frame {
  int opcode = 0;
  std::string payload;

  int close_code() const {
    return static_cast<unsigned char>(payload.at(0)) * 256 + static_cast<unsigned char>(payload.at(1));
  }
};

/// A message of the server: the fragments of one are joined.
Frame receive(TestClient& client) {
  Frame message;
  while (true) {
    const std::string head = client.receive_exactly(2);
    const bool last = (head[0] & 0x80) != 0;
    std::size_t length = static_cast<unsigned char>(head[1]);
    const int longer = length == 127 ? 8 : length == 126 ? 2 : 0;
    if (longer > 0) length = 0;
    for (const char byte : client.receive_exactly(static_cast<std::size_t>(longer))) {
      length = length * 256 + static_cast<unsigned char>(byte);
    }
    if ((head[0] & 0x0f) != 0) message.opcode = head[0] & 0x0f;
    message.payload += client.receive_exactly(length);
    if (last) return message;
  }
}

std::string upgrade(const std::string& more = "") {
  return "GET /events HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
         more + "\r\n";
}

/// A listener whose only route opens sockets that the test holds the other end of.
class WebSocketTest : public testing::Test {
 protected:
  ~WebSocketTest() override {
    if (listener_) listener_->stop(milliseconds(0));
    queue_.stop();
  }

  void listen() {
    listener_ = std::make_unique<Listener>(
        options_, router_, queue_,
        [this](const Exchange& exchange) {
          const std::lock_guard lock(mutex_);
          statuses_.push_back(exchange.status);
        },
        [this](Request& head, const Route*) {
          Admission admission;
          admission.answer_headers = {{"X-Admitted", "yes"}};
          if (revoked_) admission.refusal = error_response(Error(ErrorCode::unauthorized, "no longer"));
          head.owner = "somebody";
          return admission;
        });
  }

  std::vector<Route> routes() {
    Route events{.method = "GET", .path = "/events", .run_on = RunOn::worker};
    events.web_socket = "test.v1";
    events.handler = [this](const Request& request) {
      if (request.query == "none") throw Error(ErrorCode::not_found, "there is no such session");
      Response response;
      response.on_web_socket = [this](std::shared_ptr<WebSocket> socket) -> std::shared_ptr<void> {
        ++open_;
        socket->send(std::make_shared<const std::string>("hello"), Loss::never);
        opened_.set_value(std::move(socket));
        return {this, [](WebSocketTest* test) { --test->open_; }};
      };
      return response;
    };
    return {events};
  }

  /// Opens one and reads its hello.
  void connect(const std::string& more = "") {
    listen();
    client_.emplace(listener_->port());
    client_->send(upgrade(more));
    EXPECT_THAT(client_->receive_answer(), StartsWith("HTTP/1.1 101 "));
    EXPECT_EQ(receive(*client_).payload, "hello");
    socket_ = opened_.get_future().get();
  }
  void send(const std::string& text, Loss loss = Loss::never) {
    socket_->send(std::make_shared<const std::string>(text), loss);
  }
  std::string ask(const std::string& text) {
    TestClient client(listener_->port());
    client.send(text);
    return client.receive_answer();
  }
  template <class Condition>
  static bool becomes_true(Condition&& condition) {
    for (int n = 0; n < 4000 && !condition(); ++n) std::this_thread::sleep_for(milliseconds(5));
    return condition();
  }

  ListenerOptions options_;
  std::atomic<int> open_ = 0;
  std::atomic<bool> revoked_ = false;
  std::promise<std::shared_ptr<WebSocket>> opened_;
  std::shared_ptr<WebSocket> socket_;
  std::mutex mutex_;
  std::vector<int> statuses_;
  Router router_{routes()};
  WorkQueue queue_{{.threads = 2}};
  std::unique_ptr<Listener> listener_;
  std::optional<TestClient> client_;
};

TEST_F(WebSocketTest, TheHandshakeAnswersAsTheStandardSays) {
  listen();
  TestClient client(listener_->port());
  client.send(upgrade("Sec-WebSocket-Protocol: other, test.v1, key.secret\r\n"));
  const std::string answer = client.receive_answer();
  EXPECT_THAT(answer,
              AllOf(StartsWith("HTTP/1.1 101 "), HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
                    HasSubstr("Sec-WebSocket-Protocol: test.v1\r\n"), HasSubstr("X-Admitted: yes\r\n"),
                    Not(HasSubstr("secret"))));
  EXPECT_EQ(receive(client).payload, "hello");
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(statuses_, std::vector<int>{101});
}

TEST_F(WebSocketTest, AProtocolIsNamedOnlyWhereItWasOffered) {
  listen();
  EXPECT_THAT(ask(upgrade()), Not(HasSubstr("Sec-WebSocket-Protocol")));
}

TEST_F(WebSocketTest, OtherRequestsAreToldWhatToAskFor) {
  listen();
  EXPECT_THAT(ask("GET /events HTTP/1.1\r\nHost: x\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 426 "), HasSubstr("Upgrade: websocket")));
  EXPECT_THAT(ask("GET /events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
                  "websocket\r\nSec-WebSocket-Version: 12\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 426 "), HasSubstr("Sec-WebSocket-Version: 13")));
  EXPECT_THAT(ask("GET /events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
                  "websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(open_, 0);
}

TEST_F(WebSocketTest, ARefusalOfTheHandlerIsAnOrdinaryAnswer) {
  listen();
  std::string request = upgrade();
  request.replace(request.find("/events"), 7, "/events?none");
  EXPECT_THAT(ask(request), StartsWith("HTTP/1.1 404 "));
}

TEST_F(WebSocketTest, NothingMayComeBehindTheRequest) {
  listen();
  EXPECT_THAT(ask(upgrade() + frame(kText, "early")), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask(upgrade("Content-Length: 5\r\n")), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(open_, 0);
}

TEST_F(WebSocketTest, MessagesArriveInOrderLongOnesToo) {
  connect();
  const std::string long_one(300'000, 'x');
  send("a");
  send(long_one);
  send("b", Loss::when_slow);
  EXPECT_EQ(receive(*client_).payload, "a");
  const Frame frame = receive(*client_);
  EXPECT_EQ(frame.opcode, kText);
  EXPECT_EQ(frame.payload, long_one);
  EXPECT_EQ(receive(*client_).payload, "b");
}

TEST_F(WebSocketTest, PingsAreAnsweredAndMessagesIgnored) {
  connect();
  client_->send(frame(kText, "I say something") + frame(kBinary, std::string(4096, '\0')) +
                frame(kPing, "are you there"));
  const Frame pong = receive(*client_);
  EXPECT_EQ(pong.opcode, kPong);
  EXPECT_EQ(pong.payload, "are you there");
}

TEST_F(WebSocketTest, ForgedFramesEndIt) {
  struct Forged {
    std::string bytes;
    int code;
  };
  const std::string huge = std::string("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10) + std::string(4, '\0');
  for (const Forged& forged :
       {Forged{frame(kText, "not masked", false), 1002}, Forged{frame(kText, std::string(5000, 'x')), 1009},
        Forged{huge, 1009}, Forged{frame(kText, "\xff\xfe"), 1007}, Forged{frame(3, "no such opcode"), 1002},
        Forged{frame(kPing, std::string(126, 'x')), 1002}, Forged{frame(0, "continues nothing"), 1002}}) {
    opened_ = {};
    connect();
    client_->send(forged.bytes);
    const Frame answer = receive(*client_);
    EXPECT_EQ(answer.opcode, kClose);
    EXPECT_EQ(answer.close_code(), forged.code);
    client_.reset();
    EXPECT_TRUE(becomes_true([&] { return open_ == 0; }));
    listener_->stop(milliseconds(0));
  }
}

TEST_F(WebSocketTest, WhenThePeerLeavesWhatWasKeptIsLetGoOf) {
  connect();
  client_->send(frame(kClose, std::string("\x03\xe8", 2)));
  EXPECT_EQ(receive(*client_).close_code(), 1000);
  EXPECT_TRUE(becomes_true([&] { return open_ == 0; })) << "though its connection is still open";
  send("to nobody");
  opened_ = {};
  connect();
  client_.reset();
  EXPECT_TRUE(becomes_true([&] { return open_ == 0 && listener_->connections() == 0; }));
  send("to nobody");
}

TEST_F(WebSocketTest, ClosingSaysWhatWasSentBefore) {
  connect();
  send("last");
  socket_->close(1000, "done");
  send("too late");
  EXPECT_EQ(receive(*client_).payload, "last");
  const Frame closing = receive(*client_);
  EXPECT_EQ(closing.close_code(), 1000);
  EXPECT_EQ(closing.payload.substr(2), "done");
  client_->send(frame(kClose, closing.payload));
  EXPECT_EQ(client_->receive_all(), "");
  EXPECT_TRUE(becomes_true([&] { return open_ == 0; }));
}

TEST_F(WebSocketTest, ASilentPeerIsPingedThenClosed) {
  options_.socket_idle = milliseconds(200);
  connect();
  EXPECT_EQ(receive(*client_).opcode, kPing);
  client_->receive_all();
  EXPECT_TRUE(becomes_true([&] { return open_ == 0; }));
}

TEST_F(WebSocketTest, APeerThatAnswersPingsStays) {
  options_.socket_idle = milliseconds(200);
  connect();
  for (int n = 0; n < 5; ++n) {
    const Frame ping = receive(*client_);
    ASSERT_EQ(ping.opcode, kPing);
    client_->send(frame(kPong, ping.payload));
  }
  send("still here");
  Frame next = receive(*client_);
  while (next.opcode == kPing) next = receive(*client_);
  EXPECT_EQ(next.payload, "still here");
}

TEST_F(WebSocketTest, AReaderThatIsTooSlowIsToldToComeAgain) {
  options_.outbox.bytes = std::size_t{4} << 20;
  connect();
  const std::string block(std::size_t{1} << 20, 'x');
  for (int n = 0; n < 60; ++n) send(block);
  Frame last = receive(*client_);
  int whole_ones = 0;
  for (; last.opcode == kText; last = receive(*client_)) whole_ones += last.payload == block;
  EXPECT_EQ(last.opcode, kClose);
  EXPECT_EQ(last.close_code(), 1013);
  EXPECT_LT(whole_ones, 60);
}

TEST_F(WebSocketTest, APeerWhoseKeyWasRevokedIsClosed) {
  options_.socket_recheck = milliseconds(20);
  connect();
  revoked_ = true;
  EXPECT_EQ(receive(*client_).close_code(), 1008);
}

TEST_F(WebSocketTest, ThereIsRoomForOtherRequests) {
  options_.max_web_sockets = 1;
  connect();
  EXPECT_THAT(ask(upgrade()), AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr("Retry-After")));
  client_.reset();
  opened_ = {};
  EXPECT_TRUE(becomes_true([&] { return listener_->connections() == 0; }));
  EXPECT_THAT(ask(upgrade()), StartsWith("HTTP/1.1 101 "));
}

TEST_F(WebSocketTest, DrainingSaysGoodbyeAfterTheWorkIsDone) {
  connect();
  std::promise<void> begun;
  queue_.submit({.key = "work"}, [&] {
    begun.set_value();
    std::this_thread::sleep_for(milliseconds(50));
    send("the last result");
  });
  begun.get_future().wait();
  std::jthread drain([&] { listener_->drain(milliseconds(20'000)); });
  EXPECT_EQ(receive(*client_).payload, "the last result");
  EXPECT_EQ(receive(*client_).close_code(), 1001);
  client_->send(frame(kClose, std::string("\x03\xe9", 2)));
  drain.join();
  EXPECT_TRUE(becomes_true([&] { return open_ == 0; }));
}

TEST_F(WebSocketTest, ManyThreadsMaySendAtOnce) {
  connect();
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int n = 0; n < 50; ++n) send(std::string(500, 'x'));
    });
  }
  for (int n = 0; n < 200; ++n) EXPECT_EQ(receive(*client_).payload.size(), 500u);
}

}  // namespace
}  // namespace sagittal::server::http
