#include "base/json.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal {
namespace {

TEST(Json, BadTextAndDeepNestingAreErrors) {
  EXPECT_ERROR(parse_json("{\"a\":", "plans.json"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_json(std::string(100, '['), "plans.json"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_json("{\"a\": \"\xff\"}", "plans.json"), ErrorCode::bad_input);
}

TEST(Json, GetSaysWhichKeyAndWhy) {
  const Json object = parse_json(R"({"size": "big", "n": 3, "none": null})", "x");
  EXPECT_EQ(json_get<int>(object, "n", "x"), 3);
  EXPECT_EQ(json_get_or<int>(object, "none", "x", 7), 7);
  EXPECT_ERROR(json_get<int>(object, "size", "x"), ErrorCode::bad_input);
  EXPECT_ERROR(json_get<int>(object, "absent", "x"), ErrorCode::bad_input);
  EXPECT_ERROR(json_get_or<int>(Json::array(), "n", "x", 1), ErrorCode::bad_input);
}

TEST(Json, IntegersAreWholeAndInRange) {
  for (const char* text : {R"({"n": 1e300})", R"({"n": 2.5})", R"({"n": 300})", R"({"n": -1})", R"({"n": true})"}) {
    EXPECT_ERROR(json_get<std::uint8_t>(parse_json(text, "x"), "n", "x"), ErrorCode::bad_input);
  }
  EXPECT_EQ(json_get<std::uint64_t>(parse_json(R"({"n": 18446744073709551615})", "x"), "n", "x"), UINT64_MAX);
}

TEST(Json, IntegersInListsAreWholeAndInRange) {
  for (const char* text : {R"({"n": [1e114]})", R"({"n": [0, 2.5]})", R"({"n": [300]})", R"({"n": ["1"]})"}) {
    EXPECT_ERROR(json_get<std::vector<std::uint8_t>>(parse_json(text, "x"), "n", "x"), ErrorCode::bad_input);
  }
  const Json pairs = parse_json(R"({"good": [[1, 2], [3, 4]], "bad": [[1, 2], [3, 1e30]]})", "x");
  using Pairs = std::vector<std::array<int, 2>>;
  EXPECT_EQ(json_get<Pairs>(pairs, "good", "x"), (Pairs{{1, 2}, {3, 4}}));
  EXPECT_ERROR(json_get<Pairs>(pairs, "bad", "x"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal
