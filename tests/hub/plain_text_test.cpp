#include "hub/plain_text.h"

#include <gtest/gtest.h>

namespace sagittal::hub {
namespace {

TEST(PlainText, ControlsGoAndBrokenCharactersAreReplaced) {
  EXPECT_EQ(plain_text(" a\x1B[31mred\x07\r\nb\t c ", 100), "a[31mred \nb c");
  EXPECT_EQ(plain_line("a\nb", 100), "a b");
  EXPECT_EQ(plain_line("a\xFF"
                       "b\xC3",
                       100),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  EXPECT_EQ(plain_line("a\xE2\x80\xAE"
                       "b",
                       100),
            "ab")
      << "what turns the direction of text";
  EXPECT_EQ(plain_line(std::string("a\0b", 3), 100), "ab");
}

TEST(PlainText, ItIsCutBetweenCharacters) {
  EXPECT_EQ(plain_line("\xC3\xA4\xC3\xA4\xC3\xA4", 5), "\xC3\xA4\xC3\xA4");
  EXPECT_EQ(plain_line(std::string(1 << 20, 'x'), 10).size(), 10u);
}

TEST(PlainText, OnlyAddressesOfTheWebAreSafe) {
  EXPECT_EQ(safe_uri("https://example.org/a?b=c#d"), "https://example.org/a?b=c#d");
  for (const char* text :
       {"", "javascript:alert(1)", "file:///etc/passwd", "https://", "https:///x", "http://a b/", "data:text/html,x",
        "https://me:secret@example.org/", "https://e\"onclick=x/", "https://example.org/\xC3\xA4", "//example.org"})
    EXPECT_EQ(safe_uri(text), "") << text;
}

TEST(PlainText, NamesOfModelsAreOnePathPart) {
  for (const char* name : {"a", "nnunet_liver", "model-1.2"}) EXPECT_TRUE(is_model_name(name)) << name;
  for (const char* name : {"", ".", "..", ".hidden", "a/b", "A", "a b", "_x", "\xC3\xA4"})
    EXPECT_FALSE(is_model_name(name)) << name;
  EXPECT_FALSE(is_model_name(std::string(65, 'a')));
}

}  // namespace
}  // namespace sagittal::hub
