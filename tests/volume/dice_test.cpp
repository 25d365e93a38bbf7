#include "volume/dice.h"

#include <gtest/gtest.h>

#include <vector>

#include "expect_error.h"

namespace sagittal {
namespace {

TEST(Dice, CountsAnyNonZeroVoxel) {
  const std::vector<std::uint8_t> a{0, 1, 255, 1}, b{1, 1, 1, 0}, none(4);
  EXPECT_DOUBLE_EQ(dice(a, b), 2.0 * 2 / 6);
  EXPECT_EQ(dice(none, none), 1);
  EXPECT_EQ(dice(a, none), 0);
  EXPECT_ERROR(dice(a, std::vector<std::uint8_t>(3)), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal
