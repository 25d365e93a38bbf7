#include "server/state/predictions.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sagittal::server {
namespace {

using Stop = Predictions::Stop;

TEST(Predictions, AreStoppedBySessionAndSegment) {
  Predictions predictions;
  const auto one = predictions.enter("s", 1), other = predictions.enter("s", 2), elsewhere = predictions.enter("t", 1);
  EXPECT_TRUE(predictions.stop("s", 1, Stop::dropped));
  EXPECT_TRUE(one->token().cancelled());
  EXPECT_EQ(one->stopped(), Stop::dropped);
  EXPECT_FALSE(other->token().cancelled() || elsewhere->token().cancelled());
  EXPECT_EQ(other->stopped(), Stop::no);
  EXPECT_FALSE(predictions.stop("s", 3, Stop::dropped));
}

TEST(Predictions, ANewerPromptSupersedesThoseBeforeIt) {
  Predictions predictions;
  const auto running = predictions.enter("s", 1), waiting = predictions.enter("s", 1);
  const auto newest = predictions.enter("s", 1);
  EXPECT_TRUE(predictions.stop("s", 1, Stop::superseded, newest.get()));
  EXPECT_EQ(running->stopped(), Stop::superseded);
  EXPECT_EQ(waiting->stopped(), Stop::superseded);
  EXPECT_FALSE(newest->token().cancelled());
  predictions.stop("s", 1, Stop::dropped);
  EXPECT_EQ(running->stopped(), Stop::superseded) << "its prompt is recorded already, perhaps";
  EXPECT_EQ(newest->stopped(), Stop::dropped);
}

TEST(Predictions, AllOfASessionAreDropped) {
  Predictions predictions;
  const auto one = predictions.enter("s", 1), two = predictions.enter("s", 7), other = predictions.enter("ss", 1);
  predictions.drop("s");
  EXPECT_EQ(one->stopped(), Stop::dropped);
  EXPECT_EQ(two->stopped(), Stop::dropped);
  EXPECT_FALSE(other->token().cancelled());
  predictions.drop("r");
  predictions.drop("t");
}

TEST(Predictions, WhatWasAnsweredIsNotStopped) {
  Predictions predictions;
  predictions.enter("s", 1).reset();
  EXPECT_FALSE(predictions.stop("s", 1, Stop::dropped));
  const auto alone = predictions.enter("s", 1);
  EXPECT_FALSE(predictions.stop("s", 1, Stop::superseded, alone.get()));
}

TEST(Predictions, ManyThreadsMayComeAndGo) {
  Predictions predictions;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int n = 0; n < 500; ++n) {
        const auto prompt = predictions.enter("s", t % 2);
        predictions.stop("s", t % 2, Stop::superseded, prompt.get());
        if (prompt->token().cancelled()) {
          EXPECT_EQ(prompt->stopped(), Stop::superseded);
        }
      }
    });
  }
}

}  // namespace
}  // namespace sagittal::server
