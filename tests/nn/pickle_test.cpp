#include "nn/pickle.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/forge.h"

namespace sagittal::nn {
namespace {

using Kind = PickleValue::Kind;

Pickle read(const std::string& code) { return Pickle(as_bytes(code), "test.pkl"); }

TEST(Pickle, ReadsPlainValues) {
  const std::string code =
      forge::pickle("}(" + forge::text("a") + "K\x07" + forge::text("b") + "]" + "(\x88NG" +
                    std::string("\x3f\xf8\0\0\0\0\0\0", 8) + "e" + forge::text("c") + forge::integer(-5) + "u");
  const Pickle pickle = read(code);
  EXPECT_EQ(pickle.root().find("a")->integer, 7);
  EXPECT_EQ(pickle.root().find("c")->integer, -5);
  const PickleValue& list = *pickle.root().find("b");
  ASSERT_EQ(list.items.size(), 3U);
  EXPECT_TRUE(list.items[0]->is(Kind::boolean));
  EXPECT_TRUE(list.items[1]->is(Kind::none));
  EXPECT_EQ(list.items[2]->real, 1.5);
}

TEST(Pickle, CallsAreRecordedAndNeverMade) {
  const std::string marker = testing::TempDir() + "sagittal-pickle-was-executed";
  const std::string code = forge::pickle("cos\nsystem\n" + forge::text("touch " + marker) + "\x85R");
  const Pickle pickle = read(code);
  EXPECT_TRUE(pickle.root().is_call_of("os system"));
  EXPECT_TRUE(pickle.global_names().contains("os system"));
  EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST(Pickle, DeepNestingCostsNoStack) {
  const std::string tuples = forge::pickle(")" + std::string(1000000, '\x85'));
  EXPECT_TRUE(read(tuples).root().is(Kind::tuple));
  EXPECT_ERROR(read(forge::pickle(std::string(100000, '('))), ErrorCode::bad_input);
}

TEST(Pickle, ListsThatHoldThemselvesAreReadOnce) {
  const std::string code = forge::pickle(
      "]q\x01h\x01"
      "a");
  const Pickle pickle = read(code);
  ASSERT_EQ(pickle.root().items.size(), 1U);
  EXPECT_EQ(pickle.root().items[0], &pickle.root());
}

TEST(Pickle, BombsAreStopped) {
  EXPECT_ERROR(read("\x80\x02" + std::string(5 << 20, ']')), ErrorCode::bad_input);  // values
  EXPECT_ERROR(read(forge::pickle("]q\x01" +
                                  [] {
                                    std::string repeated;
                                    for (int i = 0; i < (17 << 20); ++i) repeated += "h\x01";
                                    return repeated;
                                  }())),
               ErrorCode::bad_input);                                          // references
  EXPECT_ERROR(read(std::string((64 << 20) + 1, 'N')), ErrorCode::too_large);  // bytes
}

TEST(Pickle, LengthsBeyondTheEndAreErrors) {
  for (const char* code : {"\x80\x02X\xff\xff\xff\xff", "\x80\x02\x8b\xff\xff\xff\x7f", "\x80\x02\x8a\xff",
                           "\x80\x02\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
                           "\x80\x02"
                           "B\xff\xff\xff\xff"}) {
    EXPECT_ERROR(read(code), ErrorCode::bad_input);
  }
}

TEST(Pickle, LongIntegersBecomeOpaque) {
  EXPECT_TRUE(read(forge::pickle("\x8a\x09"
                                 "123456789"))
                  .root()
                  .is(Kind::opaque));
}

TEST(Pickle, BrokenStacksAreErrors) {
  for (const char* body :
       {"", "R", "a", "u", "t", "s", "b", "0", "1", "h\x01", "\x85", "q\x01", "Q", "K\x01(R", "}(K\x01u",
        "K\x01"
        "K\x02"
        "a",
        "cos\nsystem", "\x93"}) {
    EXPECT_ERROR(read(forge::pickle(body)), ErrorCode::bad_input);
  }
}

TEST(Pickle, OtherOpcodesAndProtocolsAreRefused) {
  EXPECT_ERROR(read(forge::pickle("I1\n")), ErrorCode::unsupported);
  EXPECT_ERROR(read(forge::pickle("iposix\nsystem\n")), ErrorCode::unsupported);
  EXPECT_ERROR(read(forge::pickle("oN")), ErrorCode::unsupported);
  EXPECT_ERROR(read("\x80\x05N."), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::nn
