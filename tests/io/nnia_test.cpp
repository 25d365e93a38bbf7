#include "io/nnia.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <random>

#include "base/base64.h"
#include "base/json.h"
#include "expect_error.h"

namespace sagittal::io {
namespace {

using testing::ElementsAre;

constexpr std::size_t kPlenty = 64 << 20;

ThreadPool& pool() {
  static ThreadPool two(2);
  return two;
}

Json vectors() {
  const Bytes text = read_file(SAGITTAL_SOURCE_DIR "/tests/io/data/nnia_vectors.json", 1 << 20);
  return parse_json(as_text(text), "nnia_vectors.json");
}

Bytes container_of(const Json& entry) { return decode_base64(entry["container"].get<std::string>(), "container"); }

Bytes vector_named(std::string_view name) {
  for (const Json& entry : vectors()) {
    if (entry["name"] == name) return container_of(entry);
  }
  ADD_FAILURE() << "no vector " << name;
  return {};
}

template <class T>
void put(Bytes& bytes, std::size_t at, T value) {
  ASSERT_LE(at + sizeof(T), bytes.size());
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

/// A u8 container of one axis.
Bytes container(std::int64_t size, std::uint32_t chunks) {
  Bytes bytes{'N', 'N', 'I', 'A', 1, 1, 1, 5, 'u', 'i', 'n', 't', '8'};
  bytes.resize(bytes.size() + 12);
  put(bytes, 13, size);
  put(bytes, 21, chunks);
  return bytes;
}

void append_chunk(Bytes& bytes, std::uint64_t size, const Bytes& chunk) {
  const std::size_t at = bytes.size();
  bytes.resize(at + 16);
  put(bytes, at, size);
  put(bytes, at + 8, std::uint64_t{chunk.size()});
  bytes.insert(bytes.end(), chunk.begin(), chunk.end());
}

/// A chunk of 32 bytes that says: zeros.
Bytes zeros(std::uint32_t size) {
  Bytes chunk(32, 0);
  chunk[0] = 5, chunk[1] = 1, chunk[2] = 0x95, chunk[3] = 1, chunk[31] = 0x10;
  put(chunk, 4, size);
  put(chunk, 8, std::max(size, 1U));
  put(chunk, 12, 32);
  return chunk;
}

std::vector<std::byte> random_bytes(std::size_t size) {
  std::mt19937 random(11);
  std::vector<std::byte> bytes(size);
  for (auto& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}

/// Zeros with a box of ones in the middle.
std::vector<std::byte> mask_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(size / 3),
            bytes.begin() + static_cast<std::ptrdiff_t>(size / 2), std::byte{1});
  return bytes;
}

void expect_same(const NpyArray& array, std::span<const std::byte> data) {
  ASSERT_EQ(array.data.size(), data.size());
  EXPECT_TRUE(std::equal(data.begin(), data.end(), array.data.data()));
}

TEST(Nnia, WhatPythonWroteIsRead) {
  int read = 0;
  for (const Json& entry : vectors()) {
    if (entry.contains("refused")) continue;
    SCOPED_TRACE(entry["name"]);
    const NpyArray array = read_nnia(container_of(entry), kPlenty, "x", pool());
    const std::string dtype = entry["dtype"];
    EXPECT_EQ(array.is_bool, dtype == "bool");
    EXPECT_EQ(std::string(name_of(array.type)), dtype == "bool" ? "uint8" : dtype);
    EXPECT_EQ(array.shape, entry["shape"].get<std::vector<std::int64_t>>());
    EXPECT_EQ(crc32_z(0, reinterpret_cast<const Bytef*>(array.data.data()), array.data.size()),
              array.data.size() == 0 ? 0 : entry["crc32"].get<std::uint32_t>());
    ++read;
  }
  EXPECT_GT(read, 70);
}

TEST(Nnia, WhatIsNotSupportedSaysSo) {
  int refused = 0;
  for (const Json& entry : vectors()) {
    if (!entry.contains("refused")) continue;
    SCOPED_TRACE(entry["name"]);
    EXPECT_ERROR(read_nnia(container_of(entry), kPlenty, "x", pool()), ErrorCode::unsupported);
    ++refused;
  }
  EXPECT_EQ(refused, 5);
}

TEST(Nnia, RoundTripInEveryType) {
  const std::int64_t shape[] = {3, 5, 70};
  for (int i = 0; i < 10; ++i) {
    const auto type = static_cast<ScalarType>(i);
    for (const auto& data : {random_bytes(1050 * size_of(type)), mask_bytes(1050 * size_of(type))}) {
      const NpyArray back = read_nnia(write_nnia(type, false, shape, data, pool()), kPlenty, "x", pool());
      EXPECT_EQ(back.type, type);
      EXPECT_FALSE(back.is_bool);
      EXPECT_THAT(back.shape, ElementsAre(3, 5, 70));
      expect_same(back, data);
    }
  }
}

TEST(Nnia, RoundTripOfManyBlocksAndChunks) {
  const std::int64_t shape[] = {1500001};
  for (const std::size_t chunk : {kNniaChunkBytes, std::size_t{600000}}) {
    for (const auto& data : {random_bytes(1500001), mask_bytes(1500001), std::vector<std::byte>(1500001)}) {
      expect_same(read_nnia(write_nnia(ScalarType::u8, false, shape, data, pool(), chunk), kPlenty, "x", pool()), data);
    }
  }
}

TEST(Nnia, RoundTripOfBoolScalarsAndEmptyArrays) {
  const std::vector<std::byte> flags{std::byte{0}, std::byte{1}, std::byte{1}};
  const std::int64_t three[] = {3};
  const NpyArray back = read_nnia(write_nnia(ScalarType::u8, true, three, flags, pool()), kPlenty, "x", pool());
  EXPECT_TRUE(back.is_bool);
  expect_same(back, flags);

  const auto number = random_bytes(4);
  const NpyArray scalar = read_nnia(write_nnia(ScalarType::f32, false, {}, number, pool()), kPlenty, "x", pool());
  EXPECT_TRUE(scalar.shape.empty());
  expect_same(scalar, number);

  const std::int64_t none[] = {4, 0, 2};
  const NpyArray empty = read_nnia(write_nnia(ScalarType::i16, false, none, {}, pool()), 0, "x", pool());
  EXPECT_THAT(empty.shape, ElementsAre(4, 0, 2));
  EXPECT_EQ(empty.data.size(), 0U);
}

TEST(Nnia, AnyTrueValueOfBoolBecomesOne) {
  const std::vector<std::byte> flags{std::byte{0}, std::byte{7}, std::byte{255}};
  const std::int64_t three[] = {3};
  const NpyArray back = read_nnia(write_nnia(ScalarType::u8, true, three, flags, pool()), kPlenty, "x", pool());
  EXPECT_THAT(back.data.as<std::uint8_t>(), ElementsAre(0, 1, 1));
}

TEST(Nnia, AnEmptyMaskIsSmall) {
  const std::int64_t shape[] = {100, 200, 300};
  const std::vector<std::byte> mask(6000000);
  EXPECT_LT(write_nnia(ScalarType::u8, false, shape, mask, pool()).size(), 120U);
}

TEST(Nnia, ValuesThatDoNotFillTheShapeAreOurDefect) {
  const std::int64_t shape[] = {3};
  EXPECT_ERROR(write_nnia(ScalarType::i16, false, shape, random_bytes(4), pool()), ErrorCode::internal);
}

TEST(Nnia, TruncationAtEveryByteIsAnError) {
  for (const char* name : {"chunks-mask", "image-float32", "special-value", "no-axes", "type-int64"}) {
    const Bytes whole = vector_named(name);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_ERROR(read_nnia(ByteView(whole).first(size), kPlenty, "x", pool()), ErrorCode::bad_input);
    }
  }
}

TEST(Nnia, BytesBehindTheLastChunkAreAnError) {
  Bytes longer = vector_named("mask");
  longer.push_back(0);
  EXPECT_ERROR(read_nnia(longer, kPlenty, "x", pool()), ErrorCode::bad_input);
}

TEST(Nnia, ForgedStartsAreErrors) {
  const Bytes whole = vector_named("mask");
  for (const auto& [at, value, code] : {std::tuple{0, 'n', ErrorCode::bad_input},
                                        {4, 2, ErrorCode::unsupported},
                                        {5, 0, ErrorCode::unsupported},
                                        {5, 3, ErrorCode::unsupported},
                                        {6, 33, ErrorCode::bad_input},
                                        {7, 4, ErrorCode::unsupported},
                                        {8, '\n', ErrorCode::unsupported}}) {
    Bytes forged = whole;
    forged[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
    EXPECT_ERROR(read_nnia(forged, kPlenty, "x", pool()), code);
  }
}

TEST(Nnia, HugeShapesStopBeforeMemoryIsTaken) {
  for (const std::int64_t size : {std::int64_t{1} << 33, (std::int64_t{1} << 33) + 1, INT64_MAX}) {
    EXPECT_ERROR(read_nnia(container(size, 0), kPlenty, "x", pool()), ErrorCode::too_large);
  }
  EXPECT_ERROR(read_nnia(container((std::int64_t{1} << 33) + 1, 0), SIZE_MAX, "x", pool()), ErrorCode::too_large);
  EXPECT_ERROR(read_nnia(container(-1, 0), kPlenty, "x", pool()), ErrorCode::bad_input);
  Bytes overflow = vector_named("type-int64");
  put(overflow, 13, std::int64_t{1} << 62);
  EXPECT_ERROR(read_nnia(overflow, SIZE_MAX, "x", pool()), ErrorCode::bad_input);
}

TEST(Nnia, TheLimitCountsUnpackedBytes) {
  const Bytes bytes = vector_named("image-int16");
  EXPECT_ERROR(read_nnia(bytes, 20 * 64 * 72 * 2 - 1, "x", pool()), ErrorCode::too_large);
  EXPECT_EQ(read_nnia(bytes, 20 * 64 * 72 * 2, "x", pool()).data.size(), 20U * 64 * 72 * 2);
}

TEST(Nnia, ChunksMustAddUpToTheShape) {
  for (const std::int64_t size : {99, 101, 150, 199, 201, 1 << 30}) {
    Bytes bytes = container(size, 2);
    append_chunk(bytes, 100, zeros(100));
    append_chunk(bytes, 100, zeros(100));
    EXPECT_ERROR(read_nnia(bytes, SIZE_MAX, "x", pool()), ErrorCode::bad_input);
  }
  Bytes wrapped = container(100, 2);
  append_chunk(wrapped, UINT64_MAX, zeros(100));
  append_chunk(wrapped, 101, zeros(100));
  EXPECT_ERROR(read_nnia(wrapped, kPlenty, "x", pool()), ErrorCode::bad_input);
}

TEST(Nnia, AChunkMustHoldWhatTheContainerSays) {
  Bytes bytes = container(100, 1);
  append_chunk(bytes, 100, zeros(99));
  EXPECT_ERROR(read_nnia(bytes, kPlenty, "x", pool()), ErrorCode::bad_input);
  Bytes longer = container(100, 1);
  append_chunk(longer, 100, zeros(100));
  put(longer, 25 + 8, UINT64_MAX);
  EXPECT_ERROR(read_nnia(longer, kPlenty, "x", pool()), ErrorCode::bad_input);
}

TEST(Nnia, ChunksOfNothingAreAllowed) {
  Bytes bytes = container(100, 3);
  append_chunk(bytes, 0, zeros(0));
  append_chunk(bytes, 100, zeros(100));
  append_chunk(bytes, 0, zeros(0));
  EXPECT_EQ(read_nnia(bytes, kPlenty, "x", pool()).data.size(), 100U);
}

/// For data/check_nnia_with_python.py, which reads them with the original.
TEST(Nnia, FilesForPython) {
  const char* folder = std::getenv("SAGITTAL_NNIA_OUT");
  if (folder == nullptr) GTEST_SKIP() << "SAGITTAL_NNIA_OUT names no folder";
  const auto save = [&](const std::string& name, ScalarType type, bool is_bool, std::vector<std::int64_t> shape,
                        const std::vector<std::byte>& data, std::size_t chunk = kNniaChunkBytes) {
    const std::filesystem::path path = std::filesystem::path(folder) / name;
    write_file_atomically(path.string() + ".nnia", write_nnia(type, is_bool, shape, data, pool(), chunk));
    write_file_atomically(path.string() + ".npy", write_npy(type, shape, data));
  };
  for (int i = 0; i < 10; ++i) {
    const auto type = static_cast<ScalarType>(i);
    for (const std::int64_t count : {1, 7, 33, 1000, 400001}) {
      const std::size_t size = static_cast<std::size_t>(count) * size_of(type);
      const std::string name = std::string(name_of(type)) + "-" + std::to_string(count);
      save(name + "-random", type, false, {count}, random_bytes(size));
      save(name + "-mask", type, false, {count}, mask_bytes(size));
      save(name + "-zero", type, false, {1, count}, std::vector<std::byte>(size));
      save(name + "-ones", type, false, {count, 1}, std::vector<std::byte>(size, std::byte{1}));
      save(name + "-chunks", type, false, {count}, mask_bytes(size), 8000);
    }
  }
  save("bool", ScalarType::u8, true, {3, 70000}, mask_bytes(210000));
  save("bool-zero", ScalarType::u8, true, {707658}, std::vector<std::byte>(707658));
  save("scalar", ScalarType::f32, false, {}, random_bytes(4));
  save("empty", ScalarType::i16, false, {0, 3}, {});
}

}  // namespace
}  // namespace sagittal::io
