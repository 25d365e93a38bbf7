#include "server/state/sessions.h"

#include <vector>

#include "expect_error.h"
#include "interact/stub_network.h"
#include "server/state/client_key.h"

namespace sagittal::server {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t kBytes = 1000;

class SessionsTest : public testing::Test {
 protected:
  Sessions make(std::size_t max_sessions, std::uint64_t max_memory_bytes = std::uint64_t{1} << 30) {
    auto model =
        interact::StubSession::make_model({8, 8, 8}, std::make_shared<interact::StubNetwork>(8, interact::bright), {});
    return Sessions(std::move(model), pool_, {max_sessions, max_memory_bytes, seconds(60)}, [this] { return now_; });
  }

  ThreadPool pool_{1};
  std::chrono::steady_clock::time_point now_{};
};

TEST_F(SessionsTest, EveryKeyHasItsOwnSession) {
  Sessions sessions = make(4);
  const auto a = sessions.get("a");
  EXPECT_EQ(sessions.get("a"), a);
  EXPECT_NE(sessions.get("b"), a);
  EXPECT_EQ(sessions.count(), 0u) << "no image yet";
  sessions.reserve_image("a", kBytes);
  EXPECT_EQ(sessions.count(), 1u);
}

TEST_F(SessionsTest, TheLongestUnusedMakesRoomOnceItIsIdle) {
  Sessions sessions = make(2);
  for (const char* key : {"a", "b", "c"}) sessions.get(key);
  for (const char* key : {"a", "b"}) {
    sessions.get(key);
    sessions.reserve_image(key, kBytes);
    now_ += seconds(1);
  }
  EXPECT_ERROR(sessions.reserve_image("c", kBytes), ErrorCode::unavailable);
  now_ += seconds(60);
  const void* a = sessions.get("a").get();  // now b is the longest unused
  EXPECT_NO_THROW(sessions.reserve_image("c", kBytes));
  EXPECT_EQ(sessions.count(), 2u);
  EXPECT_EQ(sessions.get("a").get(), a);
  EXPECT_NO_THROW(sessions.reserve_image("a", kBytes)) << "it has a place";
}

TEST_F(SessionsTest, ASessionInUseStays) {
  Sessions sessions = make(1);
  auto held = sessions.get("a");
  sessions.reserve_image("a", kBytes);
  sessions.get("b");
  now_ += seconds(1000);
  EXPECT_ERROR(sessions.reserve_image("b", kBytes), ErrorCode::unavailable);
  held.reset();
  EXPECT_NO_THROW(sessions.reserve_image("b", kBytes));
}

TEST_F(SessionsTest, ClientsWithoutImageCostNobodyTheirs) {
  Sessions sessions = make(2);
  sessions.get("worker");
  sessions.reserve_image("worker", kBytes);
  now_ += seconds(1000);
  for (const char* key : {"u", "v", "w", "x", "y", "z"}) EXPECT_NO_THROW(sessions.get(key));
  EXPECT_EQ(sessions.count(), 1u);
  const auto one = sessions.get("1"), two = sessions.get("2");
  EXPECT_ERROR(sessions.get("3"), ErrorCode::unavailable);
}

TEST_F(SessionsTest, MemoryIsBoundedAndTheIdleMakeRoom) {
  Sessions sessions = make(10, 2 * kBytes);
  for (const char* key : {"a", "b", "c"}) sessions.get(key);
  sessions.reserve_image("a", kBytes);
  sessions.reserve_image("b", kBytes);
  EXPECT_ERROR(sessions.reserve_image("c", kBytes), ErrorCode::unavailable);
  EXPECT_ERROR(sessions.reserve_image("c", 3 * kBytes), ErrorCode::too_large);
  EXPECT_NO_THROW(sessions.reserve_image("a", kBytes)) << "its own old image makes room";
  now_ += seconds(60);
  sessions.reserve_image("c", 2 * kBytes);
  EXPECT_EQ(sessions.count(), 1u);
}

TEST(UploadNote, AsksAgainAfterATransientFailureButNotTwiceInOneClick) {
  UploadNote note;
  EXPECT_EQ(note.refusal(true), "") << "asked";
  note.failed("broke off", false);
  EXPECT_EQ(note.refusal(false), "broke off") << "the mask that follows";
  EXPECT_EQ(note.refusal(true), "broke off") << "the prompt again: the click ends here";
  EXPECT_EQ(note.refusal(true), "") << "the next click is asked again";
  note.succeeded();
  EXPECT_FALSE(note.image_is_lost());
}

TEST(UploadNote, AFailureNobodyAskedForIsRepairedByAsking) {
  UploadNote note;
  note.failed("broke off", false);
  EXPECT_TRUE(note.image_is_lost());
  EXPECT_EQ(note.refusal(true), "");
}

TEST(UploadNote, ALastingRefusalIsRepeatedUntilAnUploadSucceeds) {
  UploadNote note;
  note.failed("colour", true);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(note.refusal(true), "colour");
  note.succeeded();
  EXPECT_EQ(note.refusal(true), "");
}

TEST(ClientKey, PrefixThenUserThenAddress) {
  http::Request request;
  request.remote_address = "10.0.0.7";
  EXPECT_EQ(client_key(request), "address 10.0.0.7");
  request.headers.push_back({"Authorization", "Basic Ym9iOng="});
  EXPECT_EQ(client_key(request), "user bob");
  request.prefix = "alice";
  EXPECT_EQ(client_key(request), "prefix alice");
}

}  // namespace
}  // namespace sagittal::server
