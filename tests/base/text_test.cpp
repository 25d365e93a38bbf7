#include "base/text.h"

#include <gmock/gmock.h>

namespace sagittal {
namespace {

TEST(LowerCase, TouchesAsciiLettersOnly) { EXPECT_EQ(lower_case("MPRage \xc3\x84 [3T]"), "mprage \xc3\x84 [3t]"); }

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a,,b,", ','), testing::ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), testing::ElementsAre(""));
  EXPECT_THAT(split("a b", ','), testing::ElementsAre("a b"));
}

}  // namespace
}  // namespace sagittal
