#include "hub/yaml.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::hub {
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

TEST(Toml, KeysBeyondAsciiAreNoWayIntoTheLibrary) {
  for (const char* text : {"\xc3\xa4 = 1", "a.\xe2\x82\xac = 'x'", "[\xf0\x9f\x98\x80]", "\xff = 2", "{\xc2\xa0"}) {
    EXPECT_ERROR(parse_toml(text, "mhub.toml"), ErrorCode::bad_input);
  }
  EXPECT_EQ(parse_toml("\"\xc3\xa4\" = \"\xc3\xa4\"", "test"), (Json{{"??", "??"}}));
}

TEST(Toml, TablesAndTextsAreRead) {
  const Json read = parse_toml("[model.deployment]\ntest = \"x\"\nn = 3\nlist = [1, 'a']\nday = 2024-01-01\n", "test");
  EXPECT_EQ(read, Json::parse(R"({"model":{"deployment":{"test":"x","n":3,"list":[1,"a"],"day":null}}})"));
  for (const char* text : {"[", "a", "a = ", "a = 1\na = 2", "a = \"", "[a]\n[a]"}) {
    EXPECT_ERROR(parse_toml(text, "mhub.toml"), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse_toml("a = " + std::string(10'000, '['), "mhub.toml"), ErrorCode::bad_input);
}

TEST(Yaml, TypedScalarsAreWhatPythonReads) {
  const Json read =
      parse_yaml("{a: true, b: 'true', c: 64, d: 0.5, e: 1.0.0, f: 007, g: ~, h: No, i: 1e5, 5: x, j: -3}", "x",
                 YamlScalars::typed);
  EXPECT_EQ(read, Json::parse(R"({"a":true,"b":"true","c":64,"d":0.5,"e":"1.0.0","f":"007","g":null,"h":false,
                                  "i":"1e5","5":"x","j":-3})"));
}

}  // namespace
}  // namespace sagittal::hub
