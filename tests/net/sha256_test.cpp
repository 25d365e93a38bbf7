#include "net/sha256.h"

#include <gtest/gtest.h>

namespace sagittal::net {
namespace {

TEST(Sha256, IsTheStandardOne) {
  EXPECT_EQ(sha256_hex(as_bytes("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_TRUE(is_sha256_hex(std::string(64, 'f')));
  EXPECT_FALSE(is_sha256_hex(std::string(64, 'F')));
  EXPECT_FALSE(is_sha256_hex(std::string(63, 'f')));
}

TEST(Sha256, PartsAddUp) {
  Sha256Sum sum;
  for (const char* part : {"a", "", "bc"}) sum.add(as_bytes(part));
  EXPECT_EQ(sum.hex(), sha256_hex(as_bytes("abc")));
  EXPECT_EQ(Sha256Sum().hex(), sha256_hex({}));
}

}  // namespace
}  // namespace sagittal::net
