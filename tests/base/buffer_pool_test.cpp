#include "base/buffer_pool.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace sagittal
