#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "endpoints.h"

namespace sagittal::igtl {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMemoryIsOurs = false;  // a sanitizer keeps what is freed
#else
constexpr bool kMemoryIsOurs = true;
#endif

constexpr std::uint16_t kWidth = 1024, kHeight = 768;

/// Some seconds, or as many as are asked for (make test-long: an hour).
std::chrono::seconds duration() {
  const char* wished = std::getenv("SAGITTAL_STREAM_SECONDS");
  return std::chrono::seconds(wished != nullptr ? std::atoi(wished) : 4);
}

std::uint64_t resident_bytes() {
  std::uint64_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * 4096;
}

/// Runs a task again and again until it is over.
class Again {
 public:
  template <class Task>
  Again(std::atomic<bool>& over, Task task)
      : thread_([&over, task] {
          while (!over) {
            try {
              task();
            } catch (const Error&) {  // its peer has left it
            }
          }
        }) {}
  Again(const Again&) = delete;
  Again& operator=(const Again&) = delete;
  ~Again() { thread_.join(); }

 private:
  std::thread thread_;
};

/// An endless stream of pictures, 30 a second, each with its number as time.
void stream(Endpoint& server, Clock::time_point end, std::uint32_t& number) {
  Image image;
  image.frame.size = image.frame.part_size = {kWidth, kHeight, 1};
  const Bytes head = write_image_head(image);
  for (auto next = Clock::now(); next < end; next += 33ms) {
    const auto voxels = std::make_shared<const Bytes>(std::size_t{kWidth} * kHeight, static_cast<std::uint8_t>(number));
    Outgoing message{.type = "IMAGE", .device = "Image", .timestamp = ++number};
    message.content = head;
    message.bulk = *voxels;
    server.send(message, voxels);
    std::this_thread::sleep_until(next);
  }
}

TEST(Soak, PeersComeGoSleepAndLieWhileOthersStreamOnInFlatMemory) {
  const auto all = duration();
  const auto lifetime = std::min<std::chrono::milliseconds>(20s, all / 8);
  std::atomic<bool> over = false;
  std::atomic<std::uint64_t> seen = 0, last = 0, backwards = 0;
  Endpoint server(server_settings(), {});
  Endpoint good(client_settings(server), {.message = [&](const Arrival& arrival) {
                  ++seen;
                  if (arrival.message.header.timestamp <= last) ++backwards;
                  last = arrival.message.header.timestamp;
                }});
  ASSERT_TRUE(eventually([&] { return server.peers().size() == 1; }));
  const RawPeer silent(server);
  std::uint64_t begin_bytes = 0;
  std::uint32_t sent = 0;
  {
    const auto end = Clock::now() + all;
    const Again killed(over, [&] {
      Endpoint victim(client_settings(server), {});
      const auto leave = Clock::now() + lifetime;
      while (!over && Clock::now() < leave) std::this_thread::sleep_for(10ms);
    });
    const Again slow(over, [&] {
      RawPeer peer(server);
      while (!over) {
        peer.receive();
        std::this_thread::sleep_for(150ms);
      }
    });
    const Again liar(over, [&] {
      RawPeer peer(server);
      peer.send(as_bytes("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: nothing at all, but much of it\r\n\r\n"));
      peer.is_left(1s);
      std::this_thread::sleep_for(20ms);
    });
    stream(server, end - all * 2 / 3, sent);
    begin_bytes = resident_bytes();
    stream(server, end, sent);
    over = true;
  }
  EXPECT_TRUE(eventually([&] { return last == sent; })) << last << " of " << sent;
  EXPECT_GT(seen, sent / 4);
  EXPECT_EQ(backwards, 0u);
  EXPECT_EQ(good.counters().disconnects, 0u);
  const Counters counters = server.counters();
  EXPECT_GE(counters.connects, 3u + 7u);
  EXPECT_GT(counters.refused, 10u);
  EXPECT_GT(counters.dropped, sent / 4);
  EXPECT_LT(server.peers().size(), 5u);
  if (kMemoryIsOurs) {
    constexpr std::uint64_t allowed = std::uint64_t{16} << 20;
    EXPECT_LT(resident_bytes(), begin_bytes + allowed);
  }
}

}  // namespace
}  // namespace sagittal::igtl
