#include "server/state/events.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "expect_error.h"

namespace sagittal::server {
namespace {

using http::Loss;
using testing::ElementsAre;
using testing::IsEmpty;

/// Remembers what it was told.
class Reader : public http::WebSocket {
 public:
  void send(Text text, Loss loss) override {
    const std::lock_guard lock(mutex_);
    const Json event = Json::parse(*text);
    types.push_back(event.value("type", "log"));
    losses.push_back(loss);
    texts.push_back(std::move(text));
  }
  void close(std::uint16_t code, std::string_view) override { closed = code; }

  std::mutex mutex_;
  std::vector<std::string> types;
  std::vector<Loss> losses;
  std::vector<Text> texts;
  int closed = 0;
};

Json event(const char* type) { return {{"type", type}}; }

struct Listening {
  Listening(Events& events, const std::string& session, const std::string& owner = {})
      : listener(events.listen(session, owner)) {
    listener->open(reader, event("hello"));
  }
  std::shared_ptr<Reader> reader = std::make_shared<Reader>();
  std::shared_ptr<Events::Listener> listener;
};

TEST(Events, ReachTheListenersOfTheirSession) {
  Events events;
  const Listening one(events, "s"), two(events, "s"), other(events, "t");
  events.publish("s", event("segments"));
  events.publish("nobody's", event("segments"));
  EXPECT_THAT(one.reader->types, ElementsAre("hello", "segments"));
  EXPECT_THAT(two.reader->types, ElementsAre("hello", "segments"));
  EXPECT_EQ(one.reader->texts[1], two.reader->texts[1]) << "one copy for all";
  EXPECT_THAT(other.reader->types, ElementsAre("hello"));
  EXPECT_EQ(events.count(), 3u);
}

TEST(Events, AKeyHas64Listeners) {
  Events events;
  std::vector<std::shared_ptr<Events::Listener>> hers;
  for (int n = 0; n < 64; ++n) hers.push_back(events.listen(n % 2 == 0 ? "s" : "t", "alice"));
  EXPECT_ERROR(events.listen("u", "alice"), ErrorCode::unavailable);
  EXPECT_EQ(events.count(), 64u);
  EXPECT_NE(events.listen("s", "bob"), nullptr);
  hers.pop_back();
  EXPECT_NE(events.listen("u", "alice"), nullptr);
}

TEST(Events, WithoutKeysOnlyTheServersLimitCounts) {
  Events events;
  std::vector<std::shared_ptr<Events::Listener>> all;
  for (int n = 0; n < 100; ++n) all.push_back(events.listen("s"));
  EXPECT_EQ(events.count(), 100u);
}

TEST(Events, OnlyProgressAndPreviewsMayBeLost) {
  Events events;
  const Listening one(events, "s");
  events.publish("s", event("progress"));
  events.publish("s", {{"type", "mask"}, {"coarse", true}});
  events.publish("s", {{"type", "mask"}, {"coarse", false}});
  events.publish("s", event("error"));
  EXPECT_THAT(one.reader->losses, ElementsAre(Loss::never, Loss::when_slow, Loss::when_slow, Loss::never, Loss::never));
}

TEST(Events, NothingIsMissedBetweenAskingAndTheOpenSocket) {
  Events events;
  const auto listener = events.listen("s");
  events.publish("s", event("segments"));
  events.publish("s", event("progress"));
  events.publish("s", {{"type", "mask"}, {"coarse", false}});
  const auto reader = std::make_shared<Reader>();
  listener->open(reader, event("hello"));
  events.publish("s", event("error"));
  EXPECT_THAT(reader->types, ElementsAre("hello", "segments", "mask", "error"));
  EXPECT_EQ(reader->closed, 0);
}

TEST(Events, AReaderThatOpensTooLateIsToldToComeAgain) {
  Events events;
  const auto listener = events.listen("s");
  for (int n = 0; n < 40; ++n) events.publish("s", event("segments"));
  const auto reader = std::make_shared<Reader>();
  listener->open(reader, event("hello"));
  EXPECT_EQ(reader->closed, 1013);
}

TEST(Events, AChattyLogDoesNotShutOutAReaderThatIsNotOpenYet) {
  Events events;
  const auto listener = events.listen("s");
  for (int n = 0; n < 5000; ++n) events.publish("s", {{"log", "line"}});
  events.publish("s", {{"state", "done"}});
  events.publish("s", event("closed"));
  const auto reader = std::make_shared<Reader>();
  listener->open(reader, event("hello"));
  EXPECT_EQ(reader->closed, 1000) << "it hears the end";
  EXPECT_EQ(reader->types.back(), "closed");
  EXPECT_EQ(Json::parse(*reader->texts.at(reader->texts.size() - 2)).value("state", ""), "done");
  EXPECT_LT(reader->types.size(), 500u) << "what is in the log need not be kept";
}

TEST(Events, TheEndOfASessionClosesItsReaders) {
  Events events;
  const Listening one(events, "s"), other(events, "t");
  const auto late = events.listen("s");
  events.publish("s", event("closed"));
  EXPECT_THAT(one.reader->types, ElementsAre("hello", "closed"));
  EXPECT_EQ(one.reader->closed, 1000);
  EXPECT_EQ(other.reader->closed, 0);
  const auto reader = std::make_shared<Reader>();
  late->open(reader, event("hello"));
  EXPECT_THAT(reader->types, ElementsAre("hello", "closed"));
  EXPECT_EQ(reader->closed, 1000);
}

TEST(Events, OthersLeaveWhenASessionIsNoLongerShared) {
  Events events;
  const Listening owner(events, "s", "alice"), guest(events, "s", "bob");
  events.keep_only("s", "alice");
  EXPECT_EQ(owner.reader->closed, 0);
  EXPECT_EQ(guest.reader->closed, 1008);
}

TEST(Events, WhoLeftHearsNothing) {
  Events events;
  const auto reader = std::make_shared<Reader>();
  {
    const auto listener = events.listen("s");
    listener->open(reader, event("hello"));
    EXPECT_TRUE(events.has_listeners("s"));
  }
  EXPECT_FALSE(events.has_listeners("s"));
  events.publish("s", event("segments"));
  EXPECT_THAT(reader->types, ElementsAre("hello"));
}

TEST(Events, ListenersComeAndGoWhileOthersPublish) {
  Events events;
  std::atomic<bool> over = false;
  std::jthread publisher([&] {
    while (!over) events.publish("s", event("segments"));
  });
  for (int n = 0; n < 200; ++n) {
    const Listening one(events, "s");
    const std::lock_guard lock(one.reader->mutex_);
    EXPECT_EQ(one.reader->types.front(), "hello");
  }
  over = true;
}

}  // namespace
}  // namespace sagittal::server
