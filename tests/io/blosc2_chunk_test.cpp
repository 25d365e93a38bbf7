#include "io/blosc2_chunk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "expect_error.h"

namespace sagittal::io {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr std::uint8_t kStored = 0x02, kNotSplit = 0x10, kLz4 = 1 << 5, kZstd = 4 << 5;

ThreadPool& pool() {
  static ThreadPool two(2);
  return two;
}

template <class T>
void put(Bytes& bytes, std::size_t at, T value) {
  ASSERT_LE(at + sizeof(T), bytes.size());
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

template <class T>
void append(Bytes& bytes, T value) {
  bytes.resize(bytes.size() + sizeof(T));
  put(bytes, bytes.size() - sizeof(T), value);
}

struct Forged {
  std::uint32_t size = 0;
  std::uint32_t block_size = 0;
  std::uint8_t item_size = 1;
  std::uint8_t flags = kNotSplit | kZstd;
  std::uint8_t flags2 = 0;
  std::uint8_t filter = 0;
};

/// A chunk with the extended header, and `body` behind it.
Bytes chunk(const Forged& head, const Bytes& body) {
  Bytes bytes{5, 1, static_cast<std::uint8_t>(head.flags | 5), head.item_size};
  append(bytes, head.size);
  append(bytes, head.block_size);
  append(bytes, static_cast<std::uint32_t>(32 + body.size()));
  bytes.push_back(head.filter);
  bytes.resize(31);
  bytes.push_back(head.flags2);
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

/// One block at its place, of one stream.
Bytes one_block(std::int32_t stream_size, const Bytes& stream) {
  Bytes body;
  append(body, std::uint32_t{36});
  append(body, stream_size);
  body.insert(body.end(), stream.begin(), stream.end());
  return body;
}

Bytes unpack(const Bytes& bytes, std::size_t size) {
  Bytes out(size, 0xee);
  blosc2_decompress(bytes, out, "x", pool());
  return out;
}

Bytes packed(const Bytes& data, const Blosc2Packing& packing) {
  Bytes out{1, 2, 3};
  append_blosc2(out, data, packing, pool());
  EXPECT_THAT(Bytes(out.begin(), out.begin() + 3), ElementsAre(1, 2, 3));
  return {out.begin() + 3, out.end()};
}

Bytes some_bytes(std::size_t size, unsigned modulus) {
  std::mt19937 random(5);
  Bytes bytes(size);
  for (auto& b : bytes) b = static_cast<std::uint8_t>(random() % modulus);
  return bytes;
}

TEST(Blosc2Chunk, RoundTripAtEverySizeAndItem) {
  for (const std::size_t item : {1, 2, 3, 4, 8, 16, 255}) {
    for (const std::size_t count : {0, 1, 2, 7, 8, 9, 1000, 300001}) {
      if (item * count > 3000000) continue;
      for (const unsigned modulus : {1U, 3U, 256U}) {
        for (const bool shuffle : {false, true}) {
          const Bytes data = some_bytes(item * count, modulus);
          const Bytes bytes = packed(data, {item, shuffle, 1});
          EXPECT_LE(bytes.size(), data.size() + 32);
          EXPECT_EQ(blosc2_unpacked_size(bytes, "x"), data.size());
          EXPECT_EQ(unpack(bytes, data.size()), data) << item << " " << count << " " << modulus << shuffle;
        }
      }
    }
  }
}

TEST(Blosc2Chunk, RunsNoiseAndZerosShareAChunk) {
  Bytes data = some_bytes(1 << 20, 256);
  std::fill(data.begin() + (256 << 10), data.begin() + (512 << 10), std::uint8_t{0});
  std::fill(data.begin() + (512 << 10), data.begin() + (768 << 10), std::uint8_t{200});
  const Bytes bytes = packed(data, {});
  EXPECT_LT(bytes.size(), 530U << 10);
  EXPECT_EQ(unpack(bytes, data.size()), data);
}

TEST(Blosc2Chunk, ItemsThatDoNotFitAreOurDefect) {
  Bytes out;
  for (const std::size_t item : {0, 2, 256}) {
    EXPECT_ERROR(append_blosc2(out, Bytes(513), {item, false, 1}, pool()), ErrorCode::internal);
  }
}

TEST(Blosc2Chunk, StreamsOfZerosRunsAndStoredBytes) {
  EXPECT_THAT(unpack(chunk({4, 4}, one_block(0, {})), 4), Each(0));
  EXPECT_THAT(unpack(chunk({4, 4}, one_block(-255, {1})), 4), Each(255));
  EXPECT_THAT(unpack(chunk({4, 4}, one_block(4, {9, 8, 7, 6})), 4), ElementsAre(9, 8, 7, 6));
  Forged split{4, 4, 2, kLz4, 0, 1};
  Bytes body = one_block(2, {1, 2});
  append(body, std::int32_t{-3});
  body.push_back(1);
  EXPECT_THAT(unpack(chunk(split, body), 4), ElementsAre(1, 3, 2, 3));
}

TEST(Blosc2Chunk, ABlockLargerThanTheChunkIsTheWholeChunk) {
  EXPECT_THAT(unpack(chunk({4, 1 << 20}, one_block(-5, {1})), 4), Each(5));
}

TEST(Blosc2Chunk, ForgedHeadersAreErrors) {
  const Bytes good = chunk({4, 4}, one_block(0, {}));
  for (const auto& [at, value] : {std::pair{4, 3U},
                                  {4, 0U},
                                  {4, 1U << 31},
                                  {4, 0x7fffffe0U},
                                  {8, 0U},
                                  {12, 39U},
                                  {12, 41U},
                                  {12, 0U},
                                  {12, UINT32_MAX}}) {
    Bytes forged = good;
    put(forged, static_cast<std::size_t>(at), value);
    EXPECT_ERROR(unpack(forged, 4), ErrorCode::bad_input);
  }
  Bytes no_item = good;
  no_item[3] = 0;
  EXPECT_ERROR(unpack(no_item, 4), ErrorCode::bad_input);
  for (const std::uint8_t version : {std::uint8_t{0}, std::uint8_t{7}}) {
    Bytes forged = good;
    forged[0] = version;
    EXPECT_ERROR(unpack(forged, 4), ErrorCode::unsupported);
  }
  for (const std::uint8_t flags2 : Bytes{0x01, 0x02, 0x04, 0x08, 0x50, 0x80}) {
    EXPECT_ERROR(unpack(chunk({4, 4, 1, kNotSplit | kZstd, flags2}, one_block(0, {})), 4), ErrorCode::unsupported);
  }
  Bytes varying = good;
  varying[30] = 1;
  EXPECT_ERROR(unpack(varying, 4), ErrorCode::unsupported);
  for (const std::uint8_t filter : Bytes{3, 5, 32, 255}) {
    EXPECT_ERROR(unpack(chunk({4, 4, 1, kNotSplit | kZstd, 0, filter}, one_block(0, {})), 4), ErrorCode::unsupported);
  }
  for (const int codec : {0, 2, 3, 5, 6, 7}) {
    const auto flags = static_cast<std::uint8_t>(kNotSplit | codec << 5);
    EXPECT_ERROR(unpack(chunk({4, 4, 1, flags}, one_block(0, {})), 4), ErrorCode::unsupported);
  }
}

TEST(Blosc2Chunk, BlocksAreCountedBeforeTheyAreRead) {
  EXPECT_ERROR(blosc2_unpacked_size(chunk({0x7fffffdf, 1}, one_block(0, {})), "x"), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(chunk({12, 4}, one_block(0, {})), 12), ErrorCode::bad_input);
}

TEST(Blosc2Chunk, ForgedOffsetsAreErrors) {
  for (const std::uint32_t start : {0U, 16U, 35U, 41U, 1U << 31, UINT32_MAX}) {
    Bytes forged = chunk({4, 4}, one_block(0, {}));
    put(forged, 32, start);
    EXPECT_ERROR(unpack(forged, 4), ErrorCode::bad_input);
  }
}

TEST(Blosc2Chunk, ForgedStreamsAreErrors) {
  const Bytes eight(8, 0x28);
  for (const std::int32_t size : {5, 9, 1 << 30, INT32_MAX, INT32_MIN, -256, -1}) {
    EXPECT_ERROR(unpack(chunk({4, 4}, one_block(size, eight)), 4), ErrorCode::bad_input);
  }
  for (const std::uint8_t codec : {kZstd, kLz4}) {
    const auto flags = static_cast<std::uint8_t>(kNotSplit | codec);
    for (const std::int32_t size : {1, 3, 4, 8}) {
      EXPECT_ERROR(unpack(chunk({99, 99, 1, flags}, one_block(size, eight)), 99), ErrorCode::bad_input);
    }
  }
}

TEST(Blosc2Chunk, AStreamHoldsOneFrameOfTheRightSize) {
  const Bytes data = some_bytes(400, 3);
  const Bytes good = packed(data, {});
  const Bytes frame(good.begin() + 40, good.end());
  const auto size = static_cast<std::int32_t>(frame.size());
  EXPECT_EQ(unpack(chunk({400, 400}, one_block(size, frame)), 400), data);
  for (const std::uint32_t wrong : {399U, 401U, 800U}) {
    EXPECT_ERROR(unpack(chunk({wrong, wrong}, one_block(size, frame)), wrong), ErrorCode::bad_input);
  }
  Bytes twice = frame;
  twice.insert(twice.end(), frame.begin(), frame.end());
  EXPECT_ERROR(unpack(chunk({800, 800}, one_block(2 * size, twice)), 800), ErrorCode::bad_input);
  Bytes skipped{0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
  skipped.insert(skipped.end(), frame.begin(), frame.end());
  EXPECT_ERROR(unpack(chunk({400, 400}, one_block(size + 8, skipped)), 400), ErrorCode::bad_input);
}

TEST(Blosc2Chunk, SplitBlocksAreWholeItems) {
  EXPECT_ERROR(unpack(chunk({5, 5, 2, kZstd}, one_block(0, {})), 5), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(chunk({4, 4, 8, kZstd}, one_block(0, {})), 4), ErrorCode::bad_input);
}

TEST(Blosc2Chunk, StoredAndSpecialChunksHaveTheirOwnLength) {
  const std::uint8_t stored = kStored | kZstd;
  EXPECT_THAT(unpack(chunk({3, 3, 1, stored}, {4, 5, 6}), 3), ElementsAre(4, 5, 6));
  EXPECT_ERROR(unpack(chunk({4, 4, 1, stored}, {4, 5, 6}), 4), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(chunk({2, 2, 1, stored}, {4, 5, 6}), 2), ErrorCode::bad_input);
  EXPECT_THAT(unpack(chunk({5, 4, 2, kZstd, 0x10}, {}), 5), Each(0));
  EXPECT_THAT(unpack(chunk({5, 4, 2, kZstd, 0x40}, {}), 5), Each(0));
  EXPECT_ERROR(unpack(chunk({4, 4, 2, kZstd, 0x10}, {0}), 4), ErrorCode::bad_input);
  EXPECT_THAT(unpack(chunk({4, 4, 2, kZstd, 0x30}, {7, 8}), 4), ElementsAre(7, 8, 7, 8));
  EXPECT_ERROR(unpack(chunk({4, 4, 2, kZstd, 0x30}, {}), 4), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(chunk({4, 4, 2, kZstd, 0x30}, {1, 2, 3}), 4), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(chunk({4, 4, 2, kZstd, 0x20}, {}), 4), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(chunk({6, 6, 4, kZstd, 0x20}, {}), 6), ErrorCode::bad_input);
}

TEST(Blosc2Chunk, AnEmptyChunkIsOnlyAHeader) {
  EXPECT_TRUE(unpack(chunk({0, 1}, {}), 0).empty());
  EXPECT_ERROR(unpack(chunk({0, 1}, {0}), 0), ErrorCode::bad_input);
}

TEST(Blosc2Chunk, TheOutputMustHaveTheSizeOfTheChunk) {
  EXPECT_ERROR(unpack(chunk({4, 4}, one_block(0, {})), 5), ErrorCode::bad_input);
}

TEST(Blosc2Chunk, TruncationAtEveryByteIsAnError) {
  for (const bool shuffle : {false, true}) {
    const Bytes data = some_bytes(600000, 2);
    Bytes whole = packed(data, {2, shuffle, 1});
    for (std::size_t size = 0; size < whole.size(); size += size < 100 || size + 100 > whole.size() ? 1 : 997) {
      Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_ERROR(unpack(cut, data.size()), ErrorCode::bad_input);
      if (size < 16) continue;
      put(cut, 12, static_cast<std::uint32_t>(size));
      EXPECT_ERROR(unpack(cut, data.size()), ErrorCode::bad_input);
    }
  }
}

}  // namespace
}  // namespace sagittal::io
