#include "io/png.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/gzip.h"

namespace sagittal::io {
namespace {

TEST(Png, UndoingTheFilterGivesThePixelsBack) {
  const Bytes rgb{1, 2, 3, 250, 251, 252, 9, 9, 9, 0, 255, 128};
  const Bytes file = encode_png(2, 2, rgb);
  EXPECT_EQ(as_text(file).substr(1, 3), "PNG");
  EXPECT_EQ(as_text(file).substr(12, 4), "IHDR");
  EXPECT_EQ(as_text(file).substr(37, 4), "IDAT");
  EXPECT_EQ(as_text(file).substr(file.size() - 8, 4), "IEND");
  const Buffer rows = zlib_decompress(ByteView(file).subspan(41, file.size() - 41 - 4 - 12), 14, "IDAT");
  Bytes back;
  for (std::size_t y = 0; y < 2; ++y) {
    const auto row = rows.as<std::uint8_t>().subspan(y * 7 + 1, 6);
    for (std::size_t x = 0; x < 6; ++x)
      back.push_back(static_cast<std::uint8_t>(row[x] + (x < 3 ? 0 : back[back.size() - 3])));
  }
  EXPECT_EQ(back, rgb);
}

TEST(Png, SizesMustFit) {
  EXPECT_ERROR(encode_png(2, 2, Bytes(11)), ErrorCode::bad_input);
  EXPECT_ERROR(encode_png(0, 0, {}), ErrorCode::bad_input);
  EXPECT_ERROR(encode_png(-1, -1, Bytes(3)), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::io
