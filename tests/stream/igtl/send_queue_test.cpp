#include "stream/igtl/send_queue.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "expect_error.h"
#include "stream/igtl/image.h"

namespace sagittal::igtl {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

SharedMessagePtr message(const std::string& type, const std::string& device, std::uint32_t number,
                         std::size_t bytes = 4) {
  Outgoing out{.type = type, .device = device, .message_id = number};
  out.content.resize(bytes);
  return std::make_shared<SharedMessage>(std::move(out), nullptr);
}

SharedMessagePtr frame(bool is_key, std::uint32_t number, const std::string& codec = "H264") {
  Outgoing out{.type = "VIDEO", .device = "v", .message_id = number};
  Video video;
  video.codec = codec;
  video.frame_kind = is_key ? 1 : 3;
  out.content = write_video_head(video);
  return std::make_shared<SharedMessage>(std::move(out), nullptr);
}

std::vector<std::uint32_t> drain(SendQueue& queue) {
  std::vector<std::uint32_t> out;
  while (const SharedMessagePtr one = queue.take(Clock::now())) out.push_back(one->message().message_id);
  return out;
}

using Numbers = std::vector<std::uint32_t>;

TEST(SendQueue, OfEachDeviceAndTypeTheLatestWaits) {
  SendQueue queue({});
  EXPECT_EQ(queue.put(message("IMAGE", "a", 1)), 0u);
  EXPECT_EQ(queue.put(message("IMAGE", "b", 2)), 0u);
  EXPECT_EQ(queue.put(message("TRANSFORM", "a", 3)), 0u);
  EXPECT_EQ(queue.put(message("IMAGE", "a", 4)), 1u);
  EXPECT_EQ(queue.put(message("IMAGE", "a", 5)), 1u);
  EXPECT_EQ(drain(queue), (Numbers{5, 2, 3}));
}

TEST(SendQueue, CommandsAndAnswersAreNotReplaced) {
  SendQueue queue({});
  for (const char* type : {"COMMAND", "RTS_COMMAND", "RTS_TDATA", "GET_IMAGE", "STT_TDATA"}) {
    EXPECT_EQ(queue.put(message(type, "a", 1)), 0u);
    EXPECT_EQ(queue.put(message(type, "a", 2)), 0u);
  }
  EXPECT_EQ(drain(queue), (Numbers{1, 2, 1, 2, 1, 2, 1, 2, 1, 2}));
}

TEST(SendQueue, WhenFullTheOldestGoes) {
  SendQueue queue({.messages = 2});
  queue.put(message("IMAGE", "a", 1));
  queue.put(message("IMAGE", "b", 2));
  EXPECT_EQ(queue.put(message("IMAGE", "c", 3)), 1u);
  EXPECT_EQ(drain(queue), (Numbers{2, 3}));
}

TEST(SendQueue, BytesAreLimitedToo) {
  SendQueue queue({.bytes = 100});
  EXPECT_EQ(queue.put(message("IMAGE", "a", 1, 1000)), 0u);  // alone, it may be larger
  EXPECT_EQ(queue.put(message("IMAGE", "b", 2, 60)), 1u);
  EXPECT_EQ(queue.put(message("IMAGE", "c", 3, 40)), 0u);
  EXPECT_EQ(queue.put(message("IMAGE", "d", 4, 40)), 1u);
  EXPECT_EQ(drain(queue), (Numbers{3, 4}));
}

TEST(SendQueue, WhatComesIsDroppedWhereThatIsThePolicy) {
  SendQueue queue({.policy = QueuePolicy::drop_newest, .messages = 2});
  queue.put(message("IMAGE", "a", 1));
  queue.put(message("IMAGE", "a", 2));
  EXPECT_EQ(queue.put(message("IMAGE", "a", 3)), 1u);
  EXPECT_EQ(drain(queue), (Numbers{1, 2}));
}

TEST(SendQueue, TheSenderWaitsWhereThatIsThePolicy) {
  SendQueue queue({.policy = QueuePolicy::block, .messages = 1});
  queue.put(message("IMAGE", "a", 1));
  auto second = std::async(std::launch::async, [&] { return queue.put(message("IMAGE", "a", 2)); });
  EXPECT_EQ(second.wait_for(50ms), std::future_status::timeout);
  EXPECT_EQ(queue.put(message("RTS_TDATA", "a", 9), false), 1u);  // an answer cannot wait
  EXPECT_EQ(queue.take(Clock::now())->message().message_id, 1u);
  EXPECT_EQ(second.get(), 0u);
  EXPECT_EQ(drain(queue), (Numbers{2}));
}

TEST(SendQueue, ClosingWakesWhoWaits) {
  SendQueue queue({.policy = QueuePolicy::block, .messages = 1});
  auto taken = std::async(std::launch::async, [&] { return queue.take(Clock::time_point::max()); });
  queue.close();
  EXPECT_EQ(taken.get(), nullptr);
  EXPECT_EQ(queue.put(message("IMAGE", "a", 1)), 0u);
  EXPECT_EQ(queue.put(message("IMAGE", "a", 1)), 0u);
  EXPECT_EQ(queue.take(Clock::time_point::max()), nullptr);
}

TEST(SendQueue, AKeyFrameIsNotReplacedByThoseThatNeedIt) {
  SendQueue queue({});
  queue.put(frame(true, 1));
  queue.put(frame(false, 2));
  queue.put(frame(false, 3));
  EXPECT_EQ(drain(queue), (Numbers{1, 2, 3}));
  queue.put(frame(false, 4));
  EXPECT_EQ(queue.put(frame(true, 5)), 1u);  // what waits is of no use beside it
  queue.put(frame(false, 6));
  EXPECT_EQ(drain(queue), (Numbers{5, 6}));
}

TEST(SendQueue, AVideoBeginsAndGoesOnWithAKeyFrame) {
  SendQueue queue({.messages = 2});
  EXPECT_EQ(queue.put(frame(false, 1)), 1u);  // nobody could show it
  queue.put(frame(true, 2));
  queue.put(frame(false, 3));
  EXPECT_EQ(queue.put(frame(false, 4)), 1u);
  EXPECT_EQ(drain(queue), (Numbers{2, 3}));
  EXPECT_EQ(queue.put(frame(false, 5)), 1u);  // 4 is missing before it
  EXPECT_EQ(queue.put(frame(true, 6)), 0u);
  queue.put(frame(false, 7));
  EXPECT_EQ(drain(queue), (Numbers{6, 7}));
}

TEST(SendQueue, RawVideoIsAllKeyFrames) {
  SendQueue queue({});
  queue.put(frame(false, 1, "I420"));
  EXPECT_EQ(queue.put(frame(false, 2, "I420")), 1u);
  EXPECT_EQ(drain(queue), (Numbers{2}));
}

TEST(SendQueue, EmptyMeansWrittenToo) {
  SendQueue queue({});
  EXPECT_TRUE(queue.wait_until_empty(Clock::now()));
  queue.put(message("IMAGE", "a", 1));
  EXPECT_FALSE(queue.wait_until_empty(Clock::now()));
  queue.take(Clock::now());
  EXPECT_FALSE(queue.wait_until_empty(Clock::now()));
  queue.take(Clock::now());
  EXPECT_TRUE(queue.wait_until_empty(Clock::now()));
}

TEST(SharedMessage, EachHeaderVersionIsPackedOnce) {
  const SharedMessagePtr one = message("IMAGE", "a", 7);
  EXPECT_EQ(&one->packed(1), &one->packed(1));
  EXPECT_EQ(one->packed(1).front.size(), kHeaderBytes + 4);
  EXPECT_EQ(one->packed(2).front.size(), kHeaderBytes + 12 + 4);
}

TEST(SharedMessage, WhatCannotBePackedIsRefusedBeforeItWaits) {
  EXPECT_ERROR(message("", "a", 1), ErrorCode::bad_input);
  EXPECT_ERROR(message("VIDEO", "a", 1), ErrorCode::bad_input);
  Outgoing out{.type = "IMAGE", .device = "a"};
  out.metadata.assign(1001, {"k", "v"});
  EXPECT_ERROR(SharedMessage(out, nullptr), ErrorCode::too_large);
}

}  // namespace
}  // namespace sagittal::igtl
