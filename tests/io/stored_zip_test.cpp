#include "io/stored_zip.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "expect_error.h"
#include "io/unzip.h"

namespace sagittal::io {
namespace {

TEST(StoredZip, WhatIsPutInComesOut) {
  StoredZip zip(1 << 20);
  zip.add("a/1.dcm", as_bytes("hello"));
  zip.add("empty", {});
  const Bytes archive = std::move(zip).finish();
  ASSERT_TRUE(looks_zipped(archive));
  const ZipArchive opened(archive, "test");
  EXPECT_EQ(opened.entries().size(), 2u);
  const Buffer file = unzip(opened, "a/1.dcm", 100, "test");
  EXPECT_EQ(as_text(file.as<const std::uint8_t>()), "hello");
  EXPECT_EQ(unzip(opened, "empty", 100, "test").size(), 0u);
}

TEST(StoredZip, EqualFilesAreEqualBytes) {
  const auto make = [] {
    StoredZip zip(1000);
    zip.add("a", as_bytes("x"));
    return std::move(zip).finish();
  };
  EXPECT_EQ(make(), make());
}

TEST(StoredZip, LimitsAreKept) {
  StoredZip zip(200);
  zip.add("a", as_bytes("x"));
  EXPECT_ERROR(zip.add("b", Bytes(100)), ErrorCode::too_large);
  EXPECT_ERROR(zip.add(std::string(70000, 'n'), {}), ErrorCode::bad_input);
  EXPECT_LE(std::move(zip).finish().size(), 200u);
}

}  // namespace
}  // namespace sagittal::io
