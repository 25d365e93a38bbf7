#include "base/yaml.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal {
namespace {

TEST(Yaml, ScalarsAreTexts) {
  const Json read = parse_yaml("a: 1.0\nb: [true, 'x', \"y\"]\nc:\n- {d: null}\n- e\n", "test");
  EXPECT_EQ(read, Json::parse(R"({"a":"1.0","b":["true","x","y"],"c":[{"d":null},"e"]})"));
  EXPECT_TRUE(parse_yaml("", "test").is_null());
  EXPECT_TRUE(parse_yaml("a:\n", "test").at("a").is_null());
}

TEST(Yaml, OfEqualKeysTheLastCounts) { EXPECT_EQ(parse_yaml("a: 1\na: 2\n", "test").at("a"), "2"); }

TEST(Yaml, AliasesAreRefusedBeforeTheyGrow) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int n = 1; n < 12; ++n) {
    bomb += "a" + std::to_string(n) + ": &a" + std::to_string(n) + " [";
    for (int k = 0; k < 9; ++k) bomb += "*a" + std::to_string(n - 1) + (k < 8 ? "," : "]\n");
  }
  EXPECT_ERROR(parse_yaml(bomb, "test"), ErrorCode::unsupported);
  EXPECT_ERROR(parse_yaml("a: &a [*a]", "test"), ErrorCode::unsupported);
}

TEST(Yaml, DepthAndSizeHaveLimits) {
  EXPECT_ERROR(parse_yaml(std::string(100'000, '['), "test"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_yaml(std::string(40, '[') + std::string(40, ']'), "test"), ErrorCode::bad_input);
  std::string many = "[x";
  for (int n = 0; n < 30'000; ++n) many += ",x";
  EXPECT_ERROR(parse_yaml(many + "]", "test"), ErrorCode::bad_input);
}

TEST(Yaml, WhatIsNoneSaysWhere) {
  for (const char* text : {"a: [", "a: b: c", "\t- x", "{[a]: b}", "a: 1\n b: 2", "%YAML 9\n"}) {
    EXPECT_ERROR(parse_yaml(text, text), ErrorCode::bad_input);
  }
}

TEST(Yaml, TypedScalarsAreWhatPythonReads) {
  const Json read =
      parse_yaml("{a: true, b: 'true', c: 64, d: 0.5, e: 1.0.0, f: 007, g: ~, h: No, i: 1e5, 5: x, j: -3}", "x",
                 YamlScalars::typed);
  EXPECT_EQ(read, Json::parse(R"({"a":true,"b":"true","c":64,"d":0.5,"e":"1.0.0","f":"007","g":null,"h":false,
                                  "i":"1e5","5":"x","j":-3})"));
}

}  // namespace
}  // namespace sagittal
