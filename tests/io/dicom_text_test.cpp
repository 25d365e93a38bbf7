#include "io/dicom_text.h"

#include <gtest/gtest.h>

namespace sagittal::io {
namespace {

TEST(DicomText, BecomesUtf8) {
  EXPECT_EQ(utf8_of("Plain", ""), "Plain");
  EXPECT_EQ(utf8_of("M\xfcller", "ISO_IR 100"), "M\xc3\xbcller");
  EXPECT_EQ(utf8_of("M\xc3\xbcller", "ISO_IR 192"), "M\xc3\xbcller");
  EXPECT_EQ(utf8_of("\xbb\xb3\x33", "ISO_IR 13"), "\xef\xbd\xbb\xef\xbd\xb3\x33");  // half-width katakana
  EXPECT_EQ(utf8_of("Yamada=\x1b$B;3ED\x1b(B", "\\ISO 2022 IR 87"), "Yamada=\xe5\xb1\xb1\xe7\x94\xb0");
  EXPECT_EQ(utf8_of("Hong=\x1b$)C\xfb\xf3", "\\ISO 2022 IR 149"), "Hong=\xe6\xb4\xaa");
  EXPECT_EQ(utf8_of("Zhang=\x1b$)A\xd5\xc5", "\\ISO 2022 IR 58"), "Zhang=\xe5\xbc\xa0");
}

TEST(DicomText, BytesThatMeanNothingBecomeQuestionMarks) {
  EXPECT_EQ(utf8_of("M\xfcller", ""), "M?ller");
  EXPECT_EQ(utf8_of("M\xfcller", "no such set"), "M?ller");
  EXPECT_EQ(utf8_of("cut=\x1b$B;", "\\ISO 2022 IR 87"), "cut=?$B;");
  EXPECT_EQ(utf8_of("a\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80", "ISO_IR 192"), "a?? ??? ????");
  EXPECT_EQ(utf8_of("cut\xe5\xb1", "ISO_IR 192"), "cut??");
}

TEST(DicomText, HoldsNoTerminalCommands) {
  EXPECT_EQ(utf8_of("a\x1b[31m", ""), "a?[31m");
  EXPECT_EQ(utf8_of("\xc3\xbc\x07", "ISO_IR 192"), "\xc3\xbc?");
}

}  // namespace
}  // namespace sagittal::io
