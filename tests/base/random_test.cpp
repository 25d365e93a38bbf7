#include "base/random.h"

#include <gtest/gtest.h>

#include <set>

namespace sagittal {
namespace {

TEST(ToHex, WritesTwoLowerCaseDigitsAByte) {
  EXPECT_EQ(to_hex(Bytes{0x00, 0x0f, 0xa5, 0xff}), "000fa5ff");
  EXPECT_EQ(to_hex({}), "");
}

TEST(Random, GivesAsManyDigitsAsAskedForAndNeverTheSame) {
  std::set<std::string> seen;
  for (int n = 0; n < 100; ++n) {
    const std::string id = random_hex(128);
    EXPECT_EQ(id.size(), 32U);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_EQ(random_bytes(1000).size(), 1000U);
}

}  // namespace
}  // namespace sagittal
