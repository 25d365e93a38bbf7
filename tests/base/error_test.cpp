#include "base/error.h"

#include <gtest/gtest.h>

namespace sagittal {
namespace {

TEST(Error, OuterSentencesComeFirst) {
  Error error(ErrorCode::bad_input, "size is 0");
  error.within("reading a.nii").within("opening the case");
  EXPECT_STREQ(error.what(), "opening the case: reading a.nii: size is 0");
  EXPECT_EQ(error.sentences().front(), "size is 0");
}

TEST(Error, TheTableIsIndexedByItsCode) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(describe(code).code, code);
  }
  EXPECT_EQ(describe(ErrorCode::wrong_usage).exit_code, 2);
  EXPECT_EQ(describe(ErrorCode::too_large).http_status, 413);
}

}  // namespace
}  // namespace sagittal
