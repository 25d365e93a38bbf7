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

}  // namespace
}  // namespace sagittal
