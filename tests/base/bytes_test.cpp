#include "base/bytes.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/buffer.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal {
namespace {

TEST(ByteReader, ReadsLittleEndianAndStopsAtTheEnd) {
  const Bytes bytes{0x01, 0x02, 0x03, 0x04, 0x05};
  ByteReader reader(bytes, "header");
  EXPECT_EQ(reader.read<std::uint32_t>(), 0x04030201U);
  EXPECT_ERROR(reader.read<std::uint16_t>(), ErrorCode::bad_input);
  EXPECT_EQ(reader.remaining(), 1U);
  EXPECT_ERROR(reader.seek(6), ErrorCode::bad_input);
  EXPECT_ERROR(reader.take(SIZE_MAX), ErrorCode::bad_input);
}

TEST(Files, AtomicWriteReplacesAndLeavesNoTemporary) {
  const Scratch directory;
  const auto path = directory / "a.bin";
  write_file_atomically(path, as_bytes("old"));
  write_file_atomically(path, as_bytes("new one"));
  EXPECT_EQ(as_text(read_file(path, 100)), "new one");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

TEST(Files, AtomicWriteGivesTheModeAskedForAlsoToAFileThatWasOpenToOthers) {
  const Scratch directory;
  write_file_atomically(directory / "key", as_bytes("open"), 0644);
  write_file_atomically(directory / "key", as_bytes("closed"), 0600);
  EXPECT_EQ(std::filesystem::status(directory / "key").permissions(), std::filesystem::perms(0600));
}

TEST(Files, AtomicWriteThatFailsLeavesTheOldFileAlone) {
  const Scratch directory;
  std::filesystem::create_directory(directory / "taken");
  EXPECT_ERROR(write_file_atomically(directory / "taken", as_bytes("x")), ErrorCode::io);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

TEST(Files, LimitsAndMissingFilesAreErrors) {
  const Scratch directory;
  write_file_atomically(directory / "a", as_bytes("12345"));
  EXPECT_ERROR(read_file(directory / "a", 4), ErrorCode::too_large);
  EXPECT_ERROR(read_file(directory / "b", 4), ErrorCode::not_found);
  EXPECT_ERROR(read_file(directory.path(), 4), ErrorCode::bad_input);
  EXPECT_ERROR(MappedFile(directory / "b"), ErrorCode::not_found);
  EXPECT_ERROR(write_file_atomically(directory / "no" / "b", as_bytes("x")), ErrorCode::not_found);
  EXPECT_EQ(as_text(MappedFile(directory / "a").bytes()), "12345");
}

TEST(CheckedProduct, RefusesOverflow) {
  EXPECT_EQ(checked_product(1ULL << 31, 1ULL << 31, "size"), 1ULL << 62);
  EXPECT_ERROR(checked_product(1ULL << 33, 1ULL << 33, "size"), ErrorCode::bad_input);
}

TEST(Buffer, IsAlignedMovableAndRefusesTheImpossible) {
  Buffer small(100), large(std::size_t{5} << 20);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(small.data()) % 64, 0U);
  EXPECT_EQ(large.as<float>().back(), 0.0F);
  const std::byte* address = large.data();
  small = std::move(large);
  EXPECT_EQ(small.data(), address);
  EXPECT_ERROR(Buffer(SIZE_MAX), ErrorCode::too_large);
  EXPECT_ERROR(Buffer(SIZE_MAX / 2), ErrorCode::too_large);
}

}  // namespace
}  // namespace sagittal
