#include "hub/runners/plain_lines.h"

#include <gtest/gtest.h>

#include <vector>

namespace sagittal::hub {
namespace {

std::vector<std::string> lines_of(std::initializer_list<std::string_view> blocks) {
  std::vector<std::string> lines;
  PlainLines plain([&](std::string_view line) { lines.emplace_back(line); });
  for (const std::string_view block : blocks) plain.add(block);
  plain.finish();
  return lines;
}

using Lines = std::vector<std::string>;

TEST(PlainLines, EndAtNewLinesAndReturns) {
  EXPECT_EQ(lines_of({"one\ntwo\r\nthree\rfo", "ur"}), (Lines{"one", "two", "three", "four"}));
}

TEST(PlainLines, LoseColoursAlsoAcrossBlocks) {
  EXPECT_EQ(lines_of({"\x1b[1;31mred\x1b[0m\n", "\x1b[3", "2mgreen\x1b", "[0m"}), (Lines{"red", "green"}));
}

TEST(PlainLines, LoseTitlesOfWindows) { EXPECT_EQ(lines_of({"\x1b]0;title\atext"}), (Lines{"text"})); }

TEST(PlainLines, LoseControlCharacters) { EXPECT_EQ(lines_of({"a\x01\x7f\tb\a"}), (Lines{"a b"})); }

TEST(PlainLines, AreUtf8) { EXPECT_EQ(lines_of({"\xc3\xa9 \xff\xc3"}), (Lines{"\xc3\xa9 ??"})); }

TEST(PlainLines, AreCutWhereTheyAreTooLong) {
  const std::string endless(3 * PlainLines::kMaxLineBytes, 'x');
  EXPECT_EQ(lines_of({endless, "\nnext"}), (Lines{endless.substr(0, PlainLines::kMaxLineBytes), "next"}));
}

}  // namespace
}  // namespace sagittal::hub
