#include "base/json.h"

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

}  // namespace
}  // namespace sagittal
