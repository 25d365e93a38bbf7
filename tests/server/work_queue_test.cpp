#include "server/http/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace sagittal::server::http {
namespace {

TEST(WorkQueue, TasksOfOneKeyRunInOrderOneAtATime) {
  std::vector<int> order;  // unguarded on purpose: ThreadSanitizer sees a second runner
  std::promise<void> done;
  WorkQueue queue({.threads = 4, .waiting = 100, .waiting_per_key = 100});
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(queue.submit({"a"}, [&order, i] { order.push_back(i); }));
  }
  ASSERT_TRUE(queue.submit({"a"}, [&done] { done.set_value(); }));
  done.get_future().wait();
  ASSERT_EQ(order.size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(WorkQueue, HowLongATaskWaitedIsTold) {
  std::promise<void> release, done;
  std::vector<double> waited;  // by one thread
  WorkQueue queue({.threads = 1, .waiting = 10, .waiting_per_key = 10},
                  [&](const WorkKind& kind, double seconds) { waited.push_back(kind.heavy ? seconds : -1); });
  queue.submit({"a"}, [&] { release.get_future().wait(); });
  queue.submit({"b", "", true}, [&] { done.set_value(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  release.set_value();
  done.get_future().wait();
  queue.stop();
  ASSERT_EQ(waited.size(), 2u);
  EXPECT_EQ(waited[0], -1);
  EXPECT_GE(waited[1], 0.02);
}

TEST(WorkQueue, DifferentKeysRunSideBySide) {
  std::promise<void> a_runs, b_runs;
  auto a = a_runs.get_future().share(), b = b_runs.get_future().share();
  std::promise<void> met_a, met_b;
  WorkQueue queue({.threads = 2, .waiting = 10, .waiting_per_key = 10});
  queue.submit({"a"}, [&] {
    a_runs.set_value();
    b.wait();
    met_a.set_value();
  });
  queue.submit({"b"}, [&] {
    b_runs.set_value();
    a.wait();
    met_b.set_value();
  });
  EXPECT_EQ(met_a.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(met_b.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST(WorkQueue, AnUploadNeverWaitsBehindPredictions) {
  std::promise<void> release, uploaded;
  auto released = release.get_future().share();
  WorkQueue queue({.threads = 2, .heavy = 1, .waiting = 10, .waiting_per_key = 10});
  std::atomic<int> predictions = 0;
  for (const char* key : {"a", "b", "c"}) {
    queue.submit({key, "", true}, [&predictions, released] {
      ++predictions;
      released.wait();
    });
  }
  queue.submit({"d"}, [&] { uploaded.set_value(); });
  EXPECT_EQ(uploaded.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_LE(predictions, 1);
  release.set_value();
}

TEST(WorkQueue, AKeysTasksStayInOrderThoughOneIsHeavy) {
  std::vector<int> order;
  std::promise<void> release, done;
  auto released = release.get_future().share();
  WorkQueue queue({.threads = 2, .heavy = 1, .waiting = 10, .waiting_per_key = 10});
  queue.submit({"other", "", true}, [released] { released.wait(); });
  queue.submit({"a", "", true}, [&] { order.push_back(1); });
  queue.submit({"a"}, [&] {
    order.push_back(2);
    done.set_value();
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  release.set_value();
  done.get_future().wait();
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

TEST(WorkQueue, OwnersTakeTurns) {
  std::string order;
  std::promise<void> started, release, done;
  auto released = release.get_future().share();
  WorkQueue queue({.threads = 1, .waiting = 20, .waiting_per_key = 10});
  queue.submit({"first"}, [&] {
    started.set_value();
    released.wait();
  });
  started.get_future().wait();
  for (const char* key : {"a1", "a2", "a3", "a4"}) queue.submit({key, "alice"}, [&] { order += 'a'; });
  for (const char* key : {"b1", "b2"}) queue.submit({key, "bob"}, [&] { order += 'b'; });
  queue.submit({"last", "alice"}, [&] { done.set_value(); });
  release.set_value();
  done.get_future().wait();
  EXPECT_EQ(order, "ababaa");
}

TEST(WorkQueue, AFullQueueRefusesWithoutBlocking) {
  std::promise<void> started, release;
  auto released = release.get_future().share();
  WorkQueue queue({.threads = 1, .waiting = 3, .waiting_per_key = 2});
  ASSERT_TRUE(queue.submit({"a"}, [&] {
    started.set_value();
    released.wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(queue.submit({"a"}, [] {}));
  EXPECT_TRUE(queue.submit({"a"}, [] {}));
  EXPECT_FALSE(queue.submit({"a"}, [] {})) << "two of one key wait already";
  EXPECT_TRUE(queue.submit({"b"}, [] {}));
  EXPECT_FALSE(queue.submit({"c"}, [] {})) << "three wait already";
  EXPECT_EQ(queue.waiting(), 3u);
  EXPECT_EQ(queue.running(), 1u);
  release.set_value();
}

TEST(WorkQueue, StopWaitsForTheRunningAndDropsTheWaiting) {
  std::promise<void> started;
  std::atomic<bool> finished = false, second_ran = false;
  WorkQueue queue({.threads = 1, .waiting = 10, .waiting_per_key = 10});
  queue.submit({"a"}, [&] {
    started.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    finished = true;
  });
  queue.submit({"a"}, [&] { second_ran = true; });
  started.get_future().wait();
  queue.stop();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(second_ran);
  EXPECT_FALSE(queue.submit({"a"}, [] {}));
}

}  // namespace
}  // namespace sagittal::server::http
