#include "base/recycled.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

namespace sagittal {
namespace {

constexpr std::size_t kMebi = std::size_t{1} << 20;

TEST(Recycled, GivesALargeBlockToTheNextWhoNeedsAsMuch) {
  void* first = take_recycled(3 * kMebi);
  give_recycled(first, 3 * kMebi);
  void* second = take_recycled(3 * kMebi - 100);
  EXPECT_EQ(first, second);
  void* third = take_recycled(3 * kMebi);
  EXPECT_NE(third, second);
  give_recycled(second, 3 * kMebi - 100);
  give_recycled(third, 3 * kMebi);
}

TEST(Recycled, BlocksAreAlignedToLines) {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{100}, kMebi + 1}) {
    void* memory = take_recycled(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0U);
    give_recycled(memory, bytes);
  }
}

TEST(RecycledVector, HoldsWhatItIsGiven) {
  const RecycledVector<float> filled(100000, 2.5F);
  RecycledVector<float> copy = filled;
  copy[7] = 1;
  EXPECT_EQ(filled[7], 2.5F);
  EXPECT_EQ(copy.back(), 2.5F);
}

TEST(RecycledVector, MayBeUsedFromAnyThread) {
  const auto fill = [](float value) {
    for (int turn = 0; turn < 200; ++turn) {
      const RecycledVector<float> values(50000, value);
      for (const float found : values) ASSERT_EQ(found, value);
    }
  };
  std::thread one(fill, 1.F), two(fill, 2.F);
  one.join();
  two.join();
}

}  // namespace
}  // namespace sagittal
