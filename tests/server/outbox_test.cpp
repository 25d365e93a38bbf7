#include "server/http/outbox.h"

#include <gmock/gmock.h>

#include <vector>

namespace sagittal::server::http {
namespace {

using testing::ElementsAre;

class OutboxTest : public testing::Test {
 protected:
  void send(const std::string& text, Loss loss = Loss::never) {
    outbox_.send(std::make_shared<const std::string>(text), loss);
  }
  std::vector<std::string> take_all() {
    std::vector<std::string> texts;
    for (auto next = outbox_.take();; next = outbox_.take()) {
      if (!next.text) {
        closing_ = next.closing ? next.closing->code : 0;
        return texts;
      }
      texts.push_back(*next.text);
    }
  }

  int woken_ = 0;
  std::uint16_t closing_ = 0;
  Outbox outbox_{{.bytes = 100, .messages = 6, .lossy_bytes = 50, .lossy_messages = 3}, [this] { ++woken_; }};
};

TEST_F(OutboxTest, KeepsTheOrderAndWakesOnce) {
  send("a");
  send("b", Loss::when_slow);
  send("c");
  EXPECT_EQ(woken_, 1);
  EXPECT_THAT(take_all(), ElementsAre("a", "b", "c"));
  send("d");
  EXPECT_EQ(woken_, 2);
  EXPECT_THAT(take_all(), ElementsAre("d"));
  EXPECT_EQ(closing_, 0);
}

TEST_F(OutboxTest, WhatMayBeLostIsLostBehindASlowReader) {
  for (const char* text : {"1", "2", "3", "4", "5"}) send(text, Loss::when_slow);
  send("final");
  send("6", Loss::when_slow);
  EXPECT_THAT(take_all(), ElementsAre("1", "2", "3", "final"));
  send(std::string(49, 'x'));
  send("lost", Loss::when_slow);
  EXPECT_THAT(take_all(), ElementsAre(std::string(49, 'x')));
}

TEST_F(OutboxTest, MakesRoomForWhatMustNotBeLost) {
  const std::string coarse(40, 'c'), final(90, 'f');
  send("hello");
  send(coarse, Loss::when_slow);
  send(final);
  EXPECT_THAT(take_all(), ElementsAre("hello", final));
}

TEST_F(OutboxTest, OneMessageMayBeLongerThanTheLimit) {
  const std::string long_one(1000, 'x');
  send(long_one);
  EXPECT_THAT(take_all(), ElementsAre(long_one));
  send(long_one, Loss::when_slow);
  EXPECT_THAT(take_all(), ElementsAre(long_one));
}

TEST_F(OutboxTest, AReaderThatIsTooSlowIsGivenUp) {
  send(std::string(60, 'a'));
  send(std::string(60, 'b'));
  send("c");
  EXPECT_THAT(take_all(), ElementsAre());
  EXPECT_EQ(closing_, 1013);
  send("d");
  EXPECT_THAT(take_all(), ElementsAre());
}

TEST_F(OutboxTest, WhatIsBeingSentCounts) {
  send(std::string(60, 'a'));
  EXPECT_EQ(outbox_.take().text->size(), 60u);
  send(std::string(60, 'b'));
  EXPECT_THAT(take_all(), ElementsAre());
  EXPECT_EQ(closing_, 1013);
}

TEST_F(OutboxTest, TooManySmallMessagesAreTooMuch) {
  for (int n = 0; n < 6; ++n) send("x");
  EXPECT_EQ(take_all().size(), 6u);
  for (int n = 0; n < 7; ++n) send("x");
  EXPECT_THAT(take_all(), ElementsAre());
  EXPECT_EQ(closing_, 1013);
}

TEST_F(OutboxTest, ClosesAfterWhatWasSentAndOnlyOnce) {
  send("last");
  outbox_.close(1000, "done");
  outbox_.close(1001, "again");
  send("too late");
  EXPECT_THAT(take_all(), ElementsAre("last"));
  EXPECT_EQ(closing_, 1000);
}

TEST_F(OutboxTest, NobodyIsWokenOnceItIsDetached) {
  outbox_.detach();
  send("x");
  outbox_.close(1000, "");
  EXPECT_EQ(woken_, 0);
  EXPECT_THAT(take_all(), ElementsAre());
}

}  // namespace
}  // namespace sagittal::server::http
