#include "base/buffer_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>

#include "expect_error.h"

namespace sagittal {
namespace {

TEST(BufferPool, LendsTheSmallestThatFitsAgain) {
  BufferPool pool(1000);
  const std::byte *small = nullptr, *large = nullptr;
  {
    BorrowedBuffer a(pool, 100), b(pool, 500);
    small = a.data();
    large = b.data();
  }
  BorrowedBuffer first(pool, 90), second(pool, 90);
  EXPECT_EQ(first.data(), small);
  EXPECT_EQ(second.data(), large);
}

TEST(BufferPool, ReleasesWhatIsTooSmallAndKeepsNoMoreThanAllowed) {
  BufferPool pool(1000);
  pool.give_back(Buffer(600));
  pool.give_back(Buffer(600));
  EXPECT_EQ(pool.find(601).size(), 0U);
  EXPECT_EQ(pool.find(1).size(), 0U) << "the too small one was released";
  pool.give_back(Buffer(600));
  pool.give_back(Buffer(600));
  EXPECT_EQ(pool.find(1).size(), 600U);
  EXPECT_EQ(pool.find(1).size(), 0U) << "two would be more than allowed";
}

TEST(BufferPool, KeepsOneOfAnySizeWhereToldSo) {
  BufferPool pool(1000, true);
  pool.give_back(Buffer(5000));
  EXPECT_EQ(pool.find(4000).size(), 5000U);
}

using std::chrono_literals::operator""ms;

/// Somebody who borrows on a thread of their own, and waits for it if they must.
struct Borrower {
  Borrower(BufferPool& pool, std::size_t bytes)
      : done(std::async(std::launch::async,
                        [this, &pool, bytes] { return std::make_unique<BorrowedBuffer>(pool, bytes, control); })) {}
  bool waits() const { return done.wait_for(50ms) == std::future_status::timeout; }

  RunControl control;
  std::future<std::unique_ptr<BorrowedBuffer>> done;
};

TEST(BufferPoolLimit, WhoDoesNotFitWaitsInTheOrderOfComing) {
  BufferPool pool(1000);
  pool.limit(1000);
  auto first = std::make_unique<BorrowedBuffer>(pool, 600);
  Borrower large(pool, 700);
  EXPECT_TRUE(large.waits());
  Borrower small(pool, 100);
  EXPECT_TRUE(small.waits()) << "it would fit, but another came before";
  first.reset();
  const auto second = large.done.get(), third = small.done.get();
  EXPECT_GE(second->size(), 700U);
  EXPECT_GE(third->size(), 100U);
}

TEST(BufferPoolLimit, OneAloneGetsWhateverItAsksFor) {
  BufferPool pool(0);
  pool.limit(1000);
  auto alone = std::make_unique<BorrowedBuffer>(pool, 5000);
  Borrower other(pool, 1);
  EXPECT_TRUE(other.waits());
  alone.reset();
  EXPECT_EQ(other.done.get()->size(), 1U);
}

TEST(BufferPoolLimit, WaitingCanBeCancelledAndOthersGoOn) {
  BufferPool pool(1000);
  pool.limit(1000);
  auto held = std::make_unique<BorrowedBuffer>(pool, 1000);
  Borrower gives_up(pool, 1000);
  EXPECT_TRUE(gives_up.waits());
  Borrower patient(pool, 10);
  gives_up.control.cancel.cancel();
  EXPECT_ERROR(gives_up.done.get(), ErrorCode::cancelled);
  held.reset();
  EXPECT_GE(patient.done.get()->size(), 10U);
}

TEST(BufferPoolLimit, MemoryThatCannotBeHadIsNotCountedAsBorrowed) {
  BufferPool pool(1000);
  pool.limit(1000);
  EXPECT_ERROR(BorrowedBuffer(pool, std::size_t{1} << 62), ErrorCode::too_large);
  EXPECT_EQ(BorrowedBuffer(pool, 1000).size(), 1000U);
}

TEST(BufferPoolLimit, HoldsForManyThreads) {
  BufferPool pool(1000);
  pool.limit(1000);
  std::atomic<std::size_t> borrowed = 0, most = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = 0; i < 200; ++i) {
          const BorrowedBuffer mine(pool, 100 + (t * 131 + i * 37) % 900);
          const std::size_t now = borrowed += mine.size();
          for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
          }
          std::this_thread::yield();
          borrowed -= mine.size();
        }
      });
    }
  }
  EXPECT_LE(most, 1000U);
  EXPECT_EQ(borrowed, 0U);
}

}  // namespace
}  // namespace sagittal
