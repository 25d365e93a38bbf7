#include "base/zip.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/forge.h"

namespace sagittal {
namespace forge = nn::forge;
namespace {

TEST(Zip, GivesTheStoredBytes) {
  const Bytes bytes = forge::zip({{"a/data.pkl", as_bytes("pickle")}, {"a/data/0", as_bytes("")}});
  const ZipArchive archive(bytes, "a.pth");
  EXPECT_EQ(archive.entries().size(), 2U);
  EXPECT_EQ(as_text(archive.entry("a/data.pkl")), "pickle");
  EXPECT_TRUE(archive.entry("a/data/0").empty());
  EXPECT_ERROR(archive.entry("b"), ErrorCode::not_found);
}

TEST(Zip, FindsTheDirectoryThroughZip64AndBeforeAComment) {
  Bytes bytes = forge::zip({{"a", as_bytes("one")}}, {.zip64 = true});
  EXPECT_EQ(as_text(ZipArchive(bytes, "x").entry("a")), "one");
  bytes = forge::zip({{"a", as_bytes("one")}});
  bytes[bytes.size() - 2] = 5;
  bytes.insert(bytes.end(), {'h', 'e', 'l', 'l', 'o'});
  EXPECT_EQ(as_text(ZipArchive(bytes, "x").entry("a")), "one");
}

TEST(Zip, EveryTruncationIsAnError) {
  const Bytes whole = forge::zip({{"a", as_bytes("one")}, {"b", as_bytes("two")}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_ERROR(ZipArchive(ByteView(whole.data(), size), "cut"), ErrorCode::bad_input);
  }
}

TEST(Zip, OffsetsAndSizesOutsideTheFileAreErrors) {
  for (const std::uint32_t far : {1U << 20, 0xfffffffeU, 0xffffffffU}) {
    const Bytes offset = forge::zip({{"a", as_bytes("one")}}, {.header_offset = far});
    EXPECT_ERROR(ZipArchive(offset, "x").entry("a"), ErrorCode::bad_input);
    const Bytes size = forge::zip({{"a", as_bytes("one")}}, {.size = far});
    EXPECT_ERROR(ZipArchive(size, "x").entry("a"), ErrorCode::bad_input);
    const Bytes directory = forge::zip({{"a", as_bytes("one")}}, {.directory_offset = far});
    EXPECT_ERROR(ZipArchive(directory, "x"), ErrorCode::bad_input);
  }
  EXPECT_ERROR(
      ZipArchive(forge::zip({{"a", as_bytes("one")}}, {.zip64 = true, .header_offset = UINT64_MAX}), "x").entry("a"),
      ErrorCode::bad_input);
}

TEST(Zip, CountsThatDoNotFitAreErrors) {
  EXPECT_ERROR(ZipArchive(forge::zip({{"a", as_bytes("one")}}, {.count = 60000}), "x"), ErrorCode::bad_input);
  EXPECT_ERROR(ZipArchive(forge::zip({{"a", as_bytes("1")}, {"a", as_bytes("2")}}), "x"), ErrorCode::bad_input);
}

TEST(Zip, CompressedAndEncryptedEntriesAreUnsupported) {
  EXPECT_ERROR(ZipArchive(forge::zip({{"a", as_bytes("one")}}, {.method = 8}), "x").entry("a"), ErrorCode::unsupported);
  EXPECT_ERROR(ZipArchive(forge::zip({{"a", as_bytes("one")}}, {.flags = 1}), "x").entry("a"), ErrorCode::unsupported);
}

}  // namespace
}  // namespace sagittal
