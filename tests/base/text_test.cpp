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

TEST(Utf8, IsWellFormedToTheEnd) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("M\xc3\xbcller \xe5\xb1\xb1 \xf0\x9f\xa7\xa0"));
  EXPECT_FALSE(is_utf8("M\xfcller"));
  EXPECT_FALSE(is_utf8("cut \xe5\xb1"));
  EXPECT_FALSE(is_utf8("overlong \xc0\xaf"));
  EXPECT_FALSE(is_utf8("surrogate \xed\xa0\x80"));
  EXPECT_FALSE(is_utf8("beyond \xf4\x90\x80\x80"));
}

}  // namespace
}  // namespace sagittal
