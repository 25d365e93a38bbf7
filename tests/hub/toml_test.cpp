#include "hub/toml.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::hub {
namespace {

TEST(Toml, KeysBeyondAsciiAreNoWayIntoTheLibrary) {
  for (const char* text : {"\xc3\xa4 = 1", "a.\xe2\x82\xac = 'x'", "[\xf0\x9f\x98\x80]", "\xff = 2", "{\xc2\xa0"}) {
    EXPECT_ERROR(parse_toml(text, "mhub.toml"), ErrorCode::bad_input);
  }
  EXPECT_EQ(parse_toml("\"\xc3\xa4\" = \"\xc3\xa4\"", "test"), (Json{{"\xc3\xa4", "\xc3\xa4"}}));
}

TEST(Toml, TextsBeyondAsciiAreKept) {
  EXPECT_EQ(parse_toml("a = \"~/\xc3\xa4~41\" # \xc3\xa4\nb = '\xe2\x82\xac'\nc = \"\\u20ac\"", "test"),
            (Json{{"a", "~/\xc3\xa4~41"}, {"b", "\xe2\x82\xac"}, {"c", "\xe2\x82\xac"}}));
  for (const char* text : {"a = \"\\u007e\"", "a = \"\\u007ec3\"", "a = \"\\u007ezz\"", "a = '\xc3'"}) {
    EXPECT_ERROR(parse_toml(text, "mhub.toml"), ErrorCode::bad_input);
  }
}

TEST(Toml, TablesAndTextsAreRead) {
  const Json read = parse_toml("[model.deployment]\ntest = \"x\"\nn = 3\nlist = [1, 'a']\nday = 2024-01-01\n", "test");
  EXPECT_EQ(read, Json::parse(R"({"model":{"deployment":{"test":"x","n":3,"list":[1,"a"],"day":null}}})"));
  for (const char* text : {"[", "a", "a = ", "a = 1\na = 2", "a = \"", "[a]\n[a]"}) {
    EXPECT_ERROR(parse_toml(text, "mhub.toml"), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse_toml("a = " + std::string(10'000, '['), "mhub.toml"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::hub
