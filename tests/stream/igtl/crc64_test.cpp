#include "stream/igtl/crc64.h"

#include <gtest/gtest.h>

#include <numeric>

namespace sagittal::igtl {
namespace {

/// As the polynomial says, bit by bit.
std::uint64_t by_bits(ByteView bytes, std::uint64_t crc) {
  for (const std::uint8_t byte : bytes) {
    crc ^= std::uint64_t{byte} << 56;
    for (int bit = 0; bit < 8; ++bit) crc = (crc << 1) ^ ((crc >> 63) != 0 ? 0x42F0E1EBA9EA3693 : 0);
  }
  return crc;
}

Bytes noise(std::size_t size) {
  Bytes bytes(size);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

TEST(Crc64, ItsCheckValue) { EXPECT_EQ(crc64(as_bytes("123456789")), 0x6C40DF5F0B497347); }

TEST(Crc64, NothingIsZero) { EXPECT_EQ(crc64({}), 0u); }

TEST(Crc64, EveryMethodAgreesForEveryLength) {
  const Bytes bytes = noise(700);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const ByteView part = ByteView(bytes).first(size);
    const std::uint64_t before = size % 3 == 0 ? 0 : 0x123456789ABCDEF0;
    const std::uint64_t expected = by_bits(part, before);
    ASSERT_EQ(detail::crc64_tables(part, before), expected) << size;
    if (detail::crc64_folds()) {
      ASSERT_EQ(detail::crc64_folding(part, before), expected) << size;
    }
    ASSERT_EQ(crc64(part, before), expected) << size;
  }
}

TEST(Crc64, PartsGiveTheWhole) {
  const Bytes bytes = noise(5000);
  const ByteView view(bytes);
  for (const std::size_t cut : {0, 1, 63, 64, 65, 129, 2500, 4999, 5000}) {
    EXPECT_EQ(crc64(view.subspan(cut), crc64(view.first(cut))), crc64(view)) << cut;
  }
}

}  // namespace
}  // namespace sagittal::igtl
