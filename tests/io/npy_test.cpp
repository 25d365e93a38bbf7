#include "io/npy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "expect_error.h"

namespace sagittal::io {
namespace {

using testing::ElementsAre;

Bytes npy(std::string_view header, ByteView data, std::uint8_t major = 1) {
  Bytes file{0x93, 'N', 'U', 'M', 'P', 'Y', major, 0};
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) file.push_back(static_cast<std::uint8_t>(header.size() >> (8 * i)));
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

TEST(Npy, RoundTripInEveryType) {
  const std::int64_t shape[] = {2, 3, 4};
  for (int i = 0; i < 10; ++i) {
    const auto type = static_cast<ScalarType>(i);
    std::vector<std::byte> data(24 * size_of(type));
    for (std::size_t b = 0; b < data.size(); ++b) data[b] = static_cast<std::byte>(b * 37);
    const Bytes file = write_npy(type, shape, data);
    EXPECT_EQ((file.size() - data.size()) % 64, 0U);
    const NpyArray back = read_npy(file, "x");
    EXPECT_EQ(back.type, type);
    EXPECT_FALSE(back.is_bool);
    EXPECT_THAT(back.shape, ElementsAre(2, 3, 4));
    EXPECT_TRUE(std::equal(data.begin(), data.end(), back.data.data()));
  }
}

TEST(Npy, FortranOrderBecomesCOrder) {
  const Bytes file = npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3)}", Bytes{0, 3, 1, 4, 2, 5});
  EXPECT_THAT(read_npy(file, "x").data.as<std::uint8_t>(), ElementsAre(0, 1, 2, 3, 4, 5));
  const Bytes empty = npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 0)}", {});
  EXPECT_EQ(read_npy(empty, "x").data.size(), 0U);
}

TEST(Npy, BigEndianAndBoolBecomeNative) {
  const Bytes big = npy("{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }\n", Bytes{0xff, 0xfe, 1, 0});
  EXPECT_THAT(read_npy(big, "x").data.as<std::int16_t>(), ElementsAre(-2, 256));
  const NpyArray flags = read_npy(npy("{'shape':(3,),'descr':\"|b1\",'fortran_order':False}", Bytes{0, 1, 7}), "x");
  EXPECT_TRUE(flags.is_bool);
  EXPECT_THAT(flags.data.as<std::uint8_t>(), ElementsAre(0, 1, 1));
}

TEST(Npy, FormatsTwoAndThreeAndScalarsAreRead) {
  for (const std::uint8_t major : {std::uint8_t{2}, std::uint8_t{3}}) {
    const NpyArray scalar =
        read_npy(npy("{'descr': '<f4', 'fortran_order': False, 'shape': ()}", Bytes(4, 0), major), "x");
    EXPECT_TRUE(scalar.shape.empty());
    EXPECT_THAT(scalar.data.as<float>(), ElementsAre(0.0F));
  }
  EXPECT_ERROR(read_npy(npy("{}", {}, 4), "x"), ErrorCode::unsupported);
}

TEST(Npy, ForgedShapesAreErrorsBeforeAnyAllocation) {
  const auto with_shape = [](std::string_view shape) {
    return npy("{'descr': '<f8', 'fortran_order': False, 'shape': " + std::string(shape) + "}", Bytes(8, 0));
  };
  EXPECT_EQ(read_npy(with_shape("(1,)"), "x").data.size(), 8U);
  for (const char* shape : {"(2,)", "(0,)", "(-1,)", "(1.5,)", "1", "(1", "(1 1)", "(99999999999999999999,)", "[1]",
                            "(4294967296, 4294967296, 4294967296)", "(,)"}) {
    EXPECT_ERROR(read_npy(with_shape(shape), "x"), ErrorCode::bad_input);
  }
  EXPECT_ERROR(read_npy(with_shape("(8589934593,)"), "x"), ErrorCode::too_large);
  std::string many_axes = "(";
  for (int i = 0; i < 100; ++i) many_axes += "1,";
  EXPECT_ERROR(read_npy(with_shape(many_axes + ")"), "x"), ErrorCode::bad_input);
}

TEST(Npy, TypesThatAreNoNumbersAreRefused) {
  for (const char* descr : {"'|O'", "'<U4'", "'<c8'", "'<f2'", "''", "[('a', '<i4')]", "'|V8'", "'u1; import os'"}) {
    const std::string header = fmt::format("{{'descr': {}, 'fortran_order': False, 'shape': (1,)}}", descr);
    EXPECT_ERROR(read_npy(npy(header, Bytes(8, 0)), "x"), ErrorCode::unsupported);
  }
}

TEST(Npy, MalformedHeadersAreErrors) {
  for (const char* header :
       {"", "{", "{}", "None", "{'descr': '<u1', 'shape': (1,)}", "{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}",
        "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", "{'descr': '|u1",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} + x", "{'more': 1}",
        "{'descr': '|u1' 'fortran_order': False, 'shape': (1,)}"}) {
    EXPECT_ERROR(read_npy(npy(header, Bytes(1, 0)), "x"), ErrorCode::bad_input);
  }
}

TEST(Npy, TruncationAnywhereIsAnError) {
  const std::int64_t shape[] = {10};
  const Bytes file = write_npy(ScalarType::u8, shape, std::vector<std::byte>(10));
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_ERROR(read_npy(ByteView(file).first(size), "x"), ErrorCode::bad_input);
  }
  Bytes longer = file;
  longer.push_back(0);
  EXPECT_ERROR(read_npy(longer, "x"), ErrorCode::bad_input);
  Bytes huge_header{0x93, 'N', 'U', 'M', 'P', 'Y', 2, 0, 0xff, 0xff, 0xff, 0xff};
  EXPECT_ERROR(read_npy(huge_header, "x"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::io
