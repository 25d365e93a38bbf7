#include "server/state/packed_mask.h"

#include <gtest/gtest.h>

#include <random>

#include "interact/stub_network.h"
#include "io/gzip.h"
#include "volume/bits.h"

namespace sagittal::server {
namespace {

Bytes unzipped(const Bytes& gzipped) {
  const Buffer bits = io::gunzip(gzipped, 1 << 20, "mask");
  const auto* begin = reinterpret_cast<const std::uint8_t*>(bits.data());
  return {begin, begin + bits.size()};
}

TEST(PackedMask, StaysEqualToPackingEverythingAnew) {
  std::mt19937 random(1);
  for (const Index3& shape : {Index3{17, 5, 3}, Index3{6, 4, 8}, Index3{1, 1, 2}, Index3{29, 1, 13}}) {
    interact::StubSession stub({8, 8, 8}, interact::nowhere);
    stub.set_image(shape);
    PackedMask packed;
    EXPECT_EQ(unzipped(packed.update(stub.session, {}, stub.pool)), pack_bits(stub.session.mask()));
    for (int round = 0; round < 30; ++round) {
      std::vector<std::uint8_t> mask = stub.mask();
      const std::int64_t k = std::uniform_int_distribution<std::int64_t>(0, shape[0] - 1)(random);
      const std::int64_t plane = shape[1] * shape[2];
      for (std::int64_t v = k * plane; v < (k + 1) * plane; ++v) mask[static_cast<std::size_t>(v)] = random() % 2;
      const auto outcome = stub.session.add_initial_mask(mask, {true, false, {}});
      ASSERT_EQ(unzipped(packed.update(stub.session, outcome.difference, stub.pool)), pack_bits(mask));
    }
    EXPECT_EQ(unzipped(packed.update(stub.session, {}, stub.pool)), pack_bits(stub.session.mask())) << "no change";
  }
}

TEST(PackedMask, ForgetsOnRequestAndWithAnotherSize) {
  interact::StubSession stub({8, 8, 8}, interact::nowhere);
  stub.set_image({4, 4, 4});
  stub.session.add_initial_mask(std::vector<std::uint8_t>(64, 1), {true, false, {}});
  PackedMask packed;
  packed.update(stub.session, {}, stub.pool);
  stub.session.reset();
  packed.forget();
  EXPECT_EQ(unzipped(packed.update(stub.session, {}, stub.pool)), Bytes(8));
  stub.set_image({5, 4, 4});
  EXPECT_EQ(unzipped(packed.update(stub.session, {}, stub.pool)), Bytes(10));
}

TEST(ByteMask, StaysEqualToTheMaskOverManyChunks) {
  std::mt19937 random(2);
  const Index3 shape{37, 64, 65};
  interact::StubSession stub({8, 8, 8}, interact::nowhere);
  stub.set_image(shape);
  ByteMask bytes;
  EXPECT_EQ(unzipped(bytes.update(stub.session, {}, stub.pool)), Bytes(37 * 64 * 65));
  for (int round = 0; round < 20; ++round) {
    std::vector<std::uint8_t> mask = stub.mask();
    const auto first = random() % mask.size();
    for (auto v = first; v < std::min(mask.size(), first + 5000); ++v) mask[v] = random() % 2;
    const auto outcome = stub.session.add_initial_mask(mask, {true, false, {}});
    ASSERT_EQ(unzipped(bytes.update(stub.session, outcome.difference, stub.pool)), mask);
  }
  stub.session.reset();
  bytes.forget();
  EXPECT_EQ(unzipped(bytes.update(stub.session, {}, stub.pool)), Bytes(37 * 64 * 65));
}

}  // namespace
}  // namespace sagittal::server
