#include "io/gzip.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "expect_error.h"

namespace sagittal::io {
namespace {

Bytes some_bytes(std::size_t size) {
  std::mt19937 random(7);
  Bytes bytes(size);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random() % 17);
  return bytes;
}

Bytes to_bytes(const Buffer& buffer) {
  const auto view = buffer.as<std::uint8_t>();
  return {view.begin(), view.end()};
}

TEST(Gzip, RoundTripAtEverySizeClass) {
  for (const std::size_t size : {0, 1, 1000, 5 << 20}) {
    const Bytes raw = some_bytes(size);
    EXPECT_EQ(to_bytes(gunzip(gzip(raw), size, "x")), raw) << size;
    EXPECT_EQ(to_bytes(zlib_decompress(zlib_compress(raw), size, "x")), raw) << size;
  }
}

TEST(Gzip, MembersAreJoinedAndPaddingIgnored) {
  Bytes file, raw;
  for (std::size_t i = 0; i < 50; ++i) {
    const Bytes part = some_bytes(i * 100);
    const Bytes member = gzip(part);
    file.insert(file.end(), member.begin(), member.end());
    raw.insert(raw.end(), part.begin(), part.end());
  }
  EXPECT_EQ(to_bytes(gunzip(file, raw.size(), "x")), raw);
  EXPECT_EQ(gunzip_start(file, 1000, "x"), Bytes(raw.begin(), raw.begin() + 1000));
  file.resize(file.size() + 512, 0);
  EXPECT_EQ(to_bytes(gunzip(file, raw.size(), "x")), raw);
  file.push_back(1);
  EXPECT_ERROR(gunzip(file, raw.size(), "x"), ErrorCode::bad_input);
}

TEST(Gzip, ABombStopsAtTheLimit) {
  const Bytes bomb = gzip(Bytes(16 << 20, 0));
  EXPECT_LT(bomb.size(), 1U << 20);
  EXPECT_ERROR(gunzip(bomb, (16 << 20) - 1, "x"), ErrorCode::too_large);
  EXPECT_EQ(gunzip(bomb, 16 << 20, "x").size(), std::size_t{16} << 20);
  EXPECT_EQ(gunzip_start(bomb, 100, "x"), Bytes(100, 0));
}

TEST(Gzip, AForgedSizeInTheTrailerIsNoAllocation) {
  Bytes file = gzip(some_bytes(1000));
  std::memset(file.data() + file.size() - 4, 0xff, 4);
  EXPECT_ERROR(gunzip(file, SIZE_MAX, "x"), ErrorCode::bad_input);
}

TEST(Gzip, DamagedAndTruncatedFilesAreErrors) {
  const Bytes file = gzip(some_bytes(1000));
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_THROW(gunzip(ByteView(file).first(size), 1000, "x"), Error) << size;
  }
  Bytes wrong_checksum = file;
  wrong_checksum[file.size() - 6] ^= 1;
  EXPECT_ERROR(gunzip(wrong_checksum, 1000, "x"), ErrorCode::bad_input);
  EXPECT_ERROR(gunzip(as_bytes("plain text"), 1000, "x"), ErrorCode::bad_input);
  EXPECT_ERROR(gunzip_start(as_bytes("plain text"), 1000, "x"), ErrorCode::bad_input);
}

TEST(Zlib, TheSizeMustBeTheOneExpected) {
  const Bytes packed = zlib_compress(some_bytes(1000));
  EXPECT_ERROR(zlib_decompress(packed, 999, "x"), ErrorCode::bad_input);
  EXPECT_ERROR(zlib_decompress(packed, 1001, "x"), ErrorCode::bad_input);
  EXPECT_ERROR(zlib_decompress(packed, std::size_t{1} << 40, "x"), ErrorCode::bad_input);
  EXPECT_ERROR(zlib_decompress({}, 10, "x"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::io
