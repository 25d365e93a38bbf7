#include "base/base64.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal {
namespace {

TEST(Base64, MatchesTheExamplesOfTheStandard) {
  const std::pair<std::string_view, std::string_view> examples[]{
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    EXPECT_EQ(encode_base64(as_bytes(bytes)), text);
    EXPECT_EQ(as_text(decode_base64(text, "test")), bytes);
  }
}

TEST(Base64, EveryByteSurvives) {
  Bytes bytes;
  for (int n = 0; n < 1000; ++n) bytes.push_back(static_cast<std::uint8_t>(n * 7));
  EXPECT_EQ(decode_base64(encode_base64(bytes), "test"), bytes);
}

TEST(Base64, RefusesEverythingElse) {
  for (const std::string_view bad : {"A", "AB", "ABC", "AB=C", "A===", "====", "Zm9v\n", "Zm9 ", "Zm-v",
                                     "Zh==", "Zm9=", "Zg==Zg==", "\xff\xff\xff\xff"}) {
    EXPECT_ERROR(decode_base64(bad, "test"), ErrorCode::bad_input);
  }
}

}  // namespace
}  // namespace sagittal
