#include "volume/bits.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal {
namespace {

TEST(Bits, MatchNumPysPackbits) {
  std::vector<std::uint8_t> voxels(60, 0);
  voxels[0] = 1;
  voxels[33] = 255;
  EXPECT_EQ(pack_bits(voxels), (Bytes{0x80, 0, 0, 0, 0x40, 0, 0, 0}));
}

TEST(Bits, RoundTripAtEveryLength) {
  for (std::size_t n = 0; n < 40; ++n) {
    std::vector<std::uint8_t> voxels(n), back(n);
    for (std::size_t i = 0; i < n; ++i) voxels[i] = (i * 7 % 3) == 1;
    unpack_bits(pack_bits(voxels), back);
    EXPECT_EQ(back, voxels);
  }
  std::vector<std::uint8_t> out(9);
  EXPECT_ERROR(unpack_bits(Bytes{1}, out), ErrorCode::bad_input);
}

TEST(Bits, EightBytesBecomeEightBitsAndBack) {
  for (std::uint64_t bits = 0; bits < 256; ++bits) {
    const std::uint64_t bytes = spread_eight(bits);
    for (int n = 0; n < 8; ++n) EXPECT_EQ((bytes >> (8 * n)) & 0xff, (bits >> n) & 1);
    EXPECT_EQ(gather_eight(bytes), bits);
    EXPECT_EQ(gather_eight(bytes * 0x80), bits) << "any value that is not zero counts";
  }
}

TEST(Bits, AWordIsSpreadUpToAnyCountAndNoFurther) {
  const std::uint32_t word = 0xa5c30f1e;
  for (int count = 0; count <= 32; ++count) {
    std::array<std::uint8_t, 33> bytes{};
    std::array<float, 33> floats{};
    bytes.fill(7);
    floats.fill(7);
    spread_word(word, count, bytes.data());
    spread_word(word, count, floats.data());
    for (int n = 0; n < 33; ++n) {
      const int expected = n < count ? static_cast<int>((word >> n) & 1) : 7;
      EXPECT_EQ(bytes[static_cast<std::size_t>(n)], expected);
      EXPECT_EQ(floats[static_cast<std::size_t>(n)], static_cast<float>(expected));
    }
  }
}

}  // namespace
}  // namespace sagittal
