#include "base/text.h"

#include <gmock/gmock.h>

namespace sagittal {
namespace {

TEST(SizeText, ChoosesTheUnit) {
  EXPECT_EQ(size_text(0), "0 bytes");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text(std::uint64_t{8} << 30), "8.0 GiB");
  EXPECT_EQ(size_text(UINT64_MAX), "16384.0 PiB");
}

TEST(LowerCase, TouchesAsciiLettersOnly) { EXPECT_EQ(lower_case("MPRage \xc3\x84 [3T]"), "mprage \xc3\x84 [3t]"); }

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a,,b,", ','), testing::ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), testing::ElementsAre(""));
  EXPECT_THAT(split("a b", ','), testing::ElementsAre("a b"));
}

}  // namespace
}  // namespace sagittal
