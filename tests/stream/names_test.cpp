#include "stream/names.h"

#include <gtest/gtest.h>

namespace sagittal::stream {
namespace {

TEST(Names, ThoseComeFirstThatMayHaveBeenMeant) {
  const std::vector<std::string> names{"igtl_input", "normalise", "resize", "threshold"};
  EXPECT_EQ(there_are(names, "resise"), "; there are: resize, normalise, threshold, igtl_input");
  EXPECT_EQ(there_are(names, "thresh").substr(0, 24), "; there are: threshold, ") << "a beginning is nearest";
  EXPECT_EQ(there_are(names, "imput").substr(0, 25), "; there are: igtl_input, ");
  EXPECT_EQ(there_are(names, ""), "; there are: igtl_input, normalise, resize, threshold") << "as they were";
  EXPECT_EQ(there_are({}, "x"), "; there are none");
}

TEST(Names, NoWordIsTooLongToBeWrong) {
  EXPECT_EQ(there_are({"a", "b"}, std::string(1'000'000, 'b')), "; there are: b, a");
}

}  // namespace
}  // namespace sagittal::stream
