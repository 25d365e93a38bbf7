#include "base/half.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace sagittal {
namespace {

TEST(Half, EveryValueSurvivesTheWayToFloatAndBack) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<Half>(bits);
    const float value = from_half(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(from_half(to_half(value))));
    } else {
      ASSERT_EQ(to_half(value), half);
    }
  }
}

TEST(Half, BetweenTwoValuesTheNearestWinsAndTiesGoToEven) {
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const float low = from_half(static_cast<Half>(bits)), high = from_half(static_cast<Half>(bits + 1));
    const float middle = (low + high) / 2;  // exact in float
    ASSERT_EQ(to_half(middle), bits % 2 == 0 ? bits : bits + 1);
    ASSERT_EQ(to_half(std::nextafter(middle, low)), bits);
    ASSERT_EQ(to_half(std::nextafter(middle, high)), bits + 1);
    ASSERT_EQ(to_half(-std::nextafter(middle, low)), bits | 0x8000);
  }
}

TEST(Half, KnownValues) {
  EXPECT_EQ(to_half(1.0f), kHalfOne);
  EXPECT_EQ(to_half(static_cast<float>(1 / 0.98)), 0x3c15);
  EXPECT_EQ(to_half(65504.0f), 0x7bff);
  EXPECT_EQ(to_half(65519.99f), 0x7bff);
  EXPECT_EQ(to_half(65520.0f), 0x7c00);
  EXPECT_EQ(to_half(1e30f), 0x7c00);
  EXPECT_EQ(to_half(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(from_half(0x0001), 0x1p-24f);
  EXPECT_EQ(from_half(0x03ff), 0x1p-14f - 0x1p-24f);
  EXPECT_EQ(from_half(0x8000), 0.0f);
}

}  // namespace
}  // namespace sagittal
