#include "server/state/packed_mask.h"

#include <gtest/gtest.h>

#include <random>

#include "volume/bits.h"

namespace sagittal::server {
namespace {

TEST(PackedMask, StaysEqualToPackingEverythingAnew) {
  ThreadPool pool(2);
  std::mt19937 random(1);
  for (const Index3& shape : {Index3{7, 5, 3}, Index3{6, 4, 8}, Index3{1, 1, 1}, Index3{9, 1, 13}}) {
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(whole(shape).volume()));
    PackedMask packed;
    EXPECT_EQ(packed.update(mask, shape, {}, pool), pack_bits(mask));
    for (int round = 0; round < 50; ++round) {
      const std::int64_t k = std::uniform_int_distribution<std::int64_t>(0, shape[0] - 1)(random);
      const std::int64_t plane = shape[1] * shape[2];
      for (std::int64_t v = k * plane; v < (k + 1) * plane; ++v) mask[static_cast<std::size_t>(v)] = random() % 2;
      const Box changed{{k, 0, 0}, {k + 1, shape[1], shape[2]}};
      ASSERT_EQ(packed.update(mask, shape, changed, pool), pack_bits(mask));
    }
    EXPECT_EQ(packed.update(mask, shape, {}, pool), pack_bits(mask)) << "nothing changed";
  }
}

TEST(PackedMask, ForgetsOnRequestAndWithAnotherSize) {
  ThreadPool pool(1);
  PackedMask packed;
  packed.update(std::vector<std::uint8_t>(64, 1), {4, 4, 4}, {}, pool);
  const std::vector<std::uint8_t> zeros(64), longer(80);
  packed.forget();
  EXPECT_EQ(packed.update(zeros, {4, 4, 4}, {}, pool), Bytes(8));
  EXPECT_EQ(packed.update(longer, {5, 4, 4}, {}, pool), Bytes(10));
}

}  // namespace
}  // namespace sagittal::server
