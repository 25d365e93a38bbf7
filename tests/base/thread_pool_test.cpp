#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/computing.h"
#include "base/error.h"
#include "base/progress.h"
#include "expect_error.h"

namespace sagittal {
namespace {

TEST(ThreadPool, VisitsEveryIndexOnce) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> visits(1001);
  pool.parallel_for(1001, 7, [&](std::int64_t begin, std::int64_t end) {
    EXPECT_LE(end - begin, 7);
    for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
  });
  for (const auto& count : visits) EXPECT_EQ(count, 1);
}

TEST(ThreadPool, RethrowsTheFirstFailureAndStaysUsable) {
  ThreadPool pool(3);
  const auto failing = [&] {
    pool.parallel_for(100, 1, [](std::int64_t i, std::int64_t) {
      if (i == 50) throw std::runtime_error("x");
    });
  };
  EXPECT_THROW(failing(), std::runtime_error);
  std::atomic<std::int64_t> sum = 0;
  pool.parallel_for(10, 1, [&](std::int64_t i, std::int64_t) { sum += i; });
  EXPECT_EQ(sum, 45);
}

TEST(ThreadPool, ServesSeveralCallersAtOnce) {
  ThreadPool pool(2);
  std::atomic<std::int64_t> sum = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] { pool.parallel_for(100, 3, [&](std::int64_t b, std::int64_t e) { sum += e - b; }); });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(sum, 400);
}

TEST(ThreadPool, RunsLoopsInsideLoops) {
  ThreadPool pool(3);
  std::atomic<std::int64_t> sum = 0;
  for (int turn = 0; turn < 50; ++turn) {
    pool.parallel_for(8, 1, [&](std::int64_t, std::int64_t) {
      pool.parallel_for(9, 2, [&](std::int64_t, std::int64_t) {
        pool.parallel_for(5, 1, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
      });
    });
  }
  EXPECT_EQ(sum, 50 * 8 * 5 * 5);
}

TEST(ThreadPool, IsDividedAmongThoseWhoCompute) {
  EXPECT_EQ(Computing::fair_threads(5), 5);
  ThreadPool pool(2);
  {
    const Computing one, other;
    EXPECT_EQ(Computing::fair_threads(5), 2);
    EXPECT_EQ(Computing::fair_threads(1), 1);
    const std::thread::id caller = std::this_thread::get_id();
    for (int turn = 0; turn < 50; ++turn) {
      pool.parallel_for(100, 1, [&](std::int64_t, std::int64_t) { EXPECT_EQ(std::this_thread::get_id(), caller); });
    }
  }
  std::promise<void> helped;  // both threads are needed again
  pool.parallel_for(
      2, 1, [&](std::int64_t begin, std::int64_t) { begin == 0 ? helped.get_future().wait() : helped.set_value(); });
}

TEST(RunControl, CheckThrowsOnceCancelled) {
  const RunControl control;
  control.check();
  control.cancel.cancel();
  EXPECT_ERROR(control.check(), ErrorCode::cancelled);
}

TEST(CancelToken, FollowsOthersButDoesNotLead) {
  const CancelToken server, client;
  const CancelToken prompt{server, client}, other{server};
  prompt.cancel();
  EXPECT_TRUE(prompt.cancelled());
  EXPECT_FALSE(server.cancelled() || client.cancelled() || other.cancelled());
  const CancelToken next{server, client};
  EXPECT_FALSE(next.cancelled());
  client.cancel();
  EXPECT_TRUE(next.cancelled());
  EXPECT_FALSE(other.cancelled());
  server.cancel();
  EXPECT_TRUE(other.cancelled());
}

}  // namespace
}  // namespace sagittal
