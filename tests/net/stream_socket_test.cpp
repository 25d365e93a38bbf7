#include "net/stream_socket.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <future>
#include <thread>
#include <vector>

#include "expect_error.h"
#include "scratch.h"

namespace sagittal::net {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Deadline soon(std::chrono::milliseconds time = 10s) { return Clock::now() + time; }

struct Pair {
  StreamSocket client, server;
};
Pair make_pair(const std::string& host = "127.0.0.1") {
  Listener listener(host, 0);
  StreamSocket client = StreamSocket::connect(host, listener.port(), soon(), {});
  return {std::move(client), std::move(*listener.accept())};
}

std::string read_text(StreamSocket& socket, std::size_t bytes) {
  std::string out(bytes, ' ');
  socket.read_exactly({reinterpret_cast<std::uint8_t*>(out.data()), bytes}, soon());
  return out;
}
void write_text(StreamSocket& socket, std::string_view text) {
  const ByteView part = as_bytes(text);
  socket.write({&part, 1}, soon());
}

void exchange(const std::string& host) {
  Pair pair = make_pair(host);
  const std::array parts{as_bytes("one "), as_bytes(""), as_bytes("two "), as_bytes("three")};
  pair.client.write(parts, soon());
  EXPECT_EQ(read_text(pair.server, 13), "one two three");
  write_text(pair.server, "back");
  EXPECT_EQ(read_text(pair.client, 4), "back");
}

TEST(StreamSocket, PartsArriveInTheirOrder) { exchange("127.0.0.1"); }

TEST(StreamSocket, PartsArriveByIPv6) {
  try {
    const Listener listener("::1", 0);
  } catch (const Error& error) {
    GTEST_SKIP() << "no IPv6 here: " << error.what();
  }
  exchange("::1");
}

TEST(StreamSocket, MegabytesGoBothWaysAtOnce) {
  Pair pair = make_pair();
  Bytes sent(8 << 20);
  for (std::size_t n = 0; n < sent.size(); ++n) sent[n] = static_cast<std::uint8_t>(n * 2654435761U >> 24);
  const ByteView whole = sent;
  const std::array parts{whole.first(10), whole.subspan(10, 5'000'000), whole.subspan(5'000'010)};
  Bytes here(sent.size()), there(sent.size());
  std::vector<std::thread> threads;
  threads.emplace_back([&] { pair.client.write(parts, soon()); });
  threads.emplace_back([&] { pair.server.write(parts, soon()); });
  threads.emplace_back([&] { pair.client.read_exactly(here, soon()); });
  pair.server.read_exactly(there, soon());
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(here == sent);
  EXPECT_TRUE(there == sent);
}

TEST(StreamSocket, ADeadlineIsKept) {
  Pair pair = make_pair();
  std::array<std::uint8_t, 4> bytes{};
  EXPECT_FALSE(pair.server.read_some(bytes, soon(20ms)));
  EXPECT_ERROR(pair.server.read_exactly(bytes, soon(20ms)), ErrorCode::unavailable);
  const Bytes much(64 << 20);
  const ByteView part = much;
  EXPECT_ERROR(pair.client.write({&part, 1}, soon(50ms)), ErrorCode::unavailable);  // nobody reads
}

TEST(StreamSocket, TheEndIsNoError) {
  Pair pair = make_pair();
  write_text(pair.client, "ab");
  pair.client.shut_down();
  EXPECT_EQ(read_text(pair.server, 2), "ab");
  std::array<std::uint8_t, 4> bytes{};
  EXPECT_EQ(pair.server.read_some(bytes, soon()), 0u);
  EXPECT_ERROR(pair.server.read_exactly(bytes, soon()), ErrorCode::io);
}

TEST(StreamSocket, ShuttingDownWakesReaderAndWriter) {
  Pair pair = make_pair();
  auto reader = std::async(std::launch::async, [&] {
    std::array<std::uint8_t, 4> bytes{};
    return pair.server.read_some(bytes, kNever);
  });
  auto writer = std::async(std::launch::async, [&] {
    const Bytes much(64 << 20);
    const ByteView part = much;
    pair.server.write({&part, 1}, kNever);
  });
  std::this_thread::sleep_for(50ms);
  pair.server.shut_down();
  EXPECT_EQ(reader.get(), 0u);
  EXPECT_ERROR(writer.get(), ErrorCode::io);
}

TEST(StreamSocket, NobodyThereIsSaidAtOnce) {
  std::uint16_t port = 0;
  {
    const Listener listener("127.0.0.1", 0);
    port = listener.port();
  }
  EXPECT_ERROR(StreamSocket::connect("127.0.0.1", port, soon(), {}), ErrorCode::unavailable);
  EXPECT_ERROR(StreamSocket::connect("no-such-host.invalid", port, soon(), {}), ErrorCode::not_found);
}

TEST(Listener, ItsPortIsFreeAgainAtOnce) {
  std::uint16_t port = 0;
  {
    Listener listener("127.0.0.1", 0);
    port = listener.port();
    StreamSocket client = StreamSocket::connect("127.0.0.1", port, soon(), {});
    StreamSocket server = std::move(*listener.accept());
    EXPECT_ERROR(Listener("127.0.0.1", port), ErrorCode::unavailable);
  }
  EXPECT_EQ(Listener("127.0.0.1", port).port(), port);
}

TEST(Listener, WakingLetsAcceptReturn) {
  Listener listener("127.0.0.1", 0);
  auto accepted = std::async(std::launch::async, [&] { return listener.accept().has_value(); });
  listener.wake();
  EXPECT_FALSE(accepted.get());
}

class Tls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<Scratch>();
    for (const char* name : {"good", "other"}) {
      const std::string command =
          "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
          "/CN=test -addext subjectAltName=IP:127.0.0.1 -keyout " +
          file(std::string(name) + ".key") + " -out " + file(std::string(name) + ".pem") + " >/dev/null 2>&1";
      ASSERT_EQ(std::system(command.c_str()), 0) << command;
    }
  }
  static void TearDownTestSuite() { folder_.reset(); }
  static std::string file(const std::string& name) { return (*folder_ / name).string(); }

  /// What the server says of a connection of a client that believes `ca`.
  static std::future<std::string> answer(Listener& listener) {
    return std::async(std::launch::async, [&listener] {
      StreamSocket server = std::move(*listener.accept());
      try {
        server.secure_as_server(*tls_for_server(file("good.pem"), file("good.key")), soon(2s));
        const std::string asked = read_text(server, 4);
        write_text(server, asked + "!");
        return asked;
      } catch (const Error& error) {
        return std::string(error.what());
      }
    });
  }

  static inline std::unique_ptr<Scratch> folder_;
};

TEST_F(Tls, BytesGoBothWays) {
  Listener listener("127.0.0.1", 0);
  auto asked = answer(listener);
  StreamSocket client =
      StreamSocket::connect("127.0.0.1", listener.port(), soon(), {}, tls_for_client(file("good.pem")));
  write_text(client, "ping");
  EXPECT_EQ(read_text(client, 5), "ping!");
  EXPECT_EQ(asked.get(), "ping");
}

TEST_F(Tls, AStrangersCertificateIsNotBelieved) {
  Listener listener("127.0.0.1", 0);
  auto asked = answer(listener);
  EXPECT_ERROR(StreamSocket::connect("127.0.0.1", listener.port(), soon(), {}, tls_for_client(file("other.pem"))),
               ErrorCode::unauthorized);
  EXPECT_NE(asked.get(), "ping");
}

TEST_F(Tls, ACertificateOfAnotherNameIsNotBelieved) {
  Listener listener("127.0.0.1", 0);
  auto asked = answer(listener);
  EXPECT_ERROR(StreamSocket::connect("localhost", listener.port(), soon(), {}, tls_for_client(file("good.pem"))),
               ErrorCode::unauthorized);
  EXPECT_NE(asked.get(), "ping");
}

TEST_F(Tls, WhoSpeaksPlainlyIsRefused) {
  Listener listener("127.0.0.1", 0);
  auto asked = answer(listener);
  StreamSocket client = StreamSocket::connect("127.0.0.1", listener.port(), soon(), {});
  write_text(client, "GET / HTTP/1.1\r\n\r\n");
  EXPECT_NE(asked.get().find("TLS"), std::string::npos);
}

TEST_F(Tls, AFileThatIsNoneIsNamed) {
  EXPECT_ERROR(tls_for_server(file("none.pem"), file("good.key")), ErrorCode::bad_input);
  EXPECT_ERROR(tls_for_server(file("good.pem"), file("other.key")), ErrorCode::bad_input);
  EXPECT_ERROR(tls_for_client(file("good.key")), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::net
