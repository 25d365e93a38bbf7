#include "base/xml.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal {
namespace {

std::string walk(std::string_view xml, const XmlLimits& limits = {}) {
  std::string out;
  read_xml(
      xml, "a text",
      [&](const std::vector<std::string>& path, const XmlAttributes& attributes) {
        for (const std::string& name : path) out += name + "/";
        for (const auto& [key, value] : attributes) out += " " + key + "=" + value;
        out += ";";
      },
      limits);
  return out;
}

TEST(Xml, ElementsAreSeenWithThoseAroundThem) {
  EXPECT_EQ(walk("<a><b x='1' y=\"&lt;2&gt;\">text</b><b/></a>"), "a/;a/b/ x=1 y=<2>;a/b/;");
}

TEST(Xml, WhatIsWrongIsRefused) {
  for (const char* xml : {"", "<a>", "<a></b>", "{}", "<a b='1' b='2'/>", "<a>&unknown;</a>"}) {
    SCOPED_TRACE(xml);
    EXPECT_ERROR(walk(xml), ErrorCode::bad_input);
  }
  EXPECT_ERROR(walk("<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'>]><a>&b;</a>"), ErrorCode::bad_input);
  const XmlLimits shallow{.depth = 2}, small{.bytes = 4};
  EXPECT_EQ(walk("<a><a/></a>", shallow), "a/;a/a/;");
  EXPECT_ERROR(walk("<a><a><a/></a></a>", shallow), ErrorCode::bad_input);
  EXPECT_ERROR(walk("<a></a>", small), ErrorCode::too_large);
}

TEST(Xml, WhatIsThrownOnTheWayArrives) {
  const auto stop = [](const std::vector<std::string>& path, const XmlAttributes&) {
    if (path.size() > 1) throw Error(ErrorCode::conflict, "no more");
  };
  EXPECT_ERROR(read_xml("<a><b/></a>", "a text", stop), ErrorCode::conflict);
}

TEST(Xml, TextsAreEscaped) { EXPECT_EQ(walk("<a b=\"" + escape_xml("<'&\">") + "\"/>"), "a/ b=<'&\">;"); }

}  // namespace
}  // namespace sagittal
