#include "store/volumes.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "expect_error.h"
#include "scratch.h"

namespace sagittal::durable {
namespace {

constexpr std::uint64_t kRoom = 1 << 20;

class VolumesTest : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& name) const { return scratch_ / "volumes" / name; }
  static std::string text_of(const Buffer& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static unsigned mode_of(const std::filesystem::path& path) {
    struct stat status {};
    ::stat(path.c_str(), &status);
    return status.st_mode & 0777;
  }

  Scratch scratch_;
  Volumes volumes_{scratch_ / "volumes"};
};

TEST_F(VolumesTest, WhatWasPutComesBack) {
  const auto pin = volumes_.put(as_bytes("a scan"));
  EXPECT_EQ(text_of(volumes_.get(*pin, kRoom)), "a scan");
  const auto empty = volumes_.put({});
  EXPECT_EQ(volumes_.get(*empty, kRoom).size(), 0u);
}

TEST_F(VolumesTest, EqualBytesAreOneFile) {
  EXPECT_EQ(*volumes_.put(as_bytes("a scan")), *volumes_.put(as_bytes("a scan")));
  EXPECT_NE(*volumes_.put(as_bytes("a scan")), *volumes_.put(as_bytes("another")));
  EXPECT_EQ(volumes_.names().size(), 2u);
}

TEST_F(VolumesTest, OnlyTheOwnerMayLook) {
  const auto pin = volumes_.put(as_bytes("a scan"));
  EXPECT_EQ(mode_of(scratch_ / "volumes"), 0700u);
  EXPECT_EQ(mode_of(file(*pin)), 0600u);
}

TEST_F(VolumesTest, AFileIsRemovedOnceNobodyHoldsIt) {
  auto pin = volumes_.put(as_bytes("a scan"));
  auto second = volumes_.put(as_bytes("a scan"));
  const std::string name = *pin;
  pin.reset();
  volumes_.remove(name);
  EXPECT_TRUE(std::filesystem::exists(file(name)));
  second.reset();
  volumes_.remove(name);
  EXPECT_ERROR(volumes_.get(name, kRoom), ErrorCode::not_found);
}

TEST_F(VolumesTest, DamageIsNoticedAndMendedByTheNextUpload) {
  const std::string name = *volumes_.put(as_bytes("a scan"));
  std::ofstream(file(name)) << "b scan";
  EXPECT_ERROR(volumes_.get(name, kRoom), ErrorCode::bad_input);
  std::ofstream(file(name)) << "a s";
  EXPECT_ERROR(volumes_.get(name, kRoom), ErrorCode::bad_input);
  EXPECT_EQ(*volumes_.put(as_bytes("a scan")), name);
  EXPECT_EQ(text_of(volumes_.get(name, kRoom)), "a scan");
}

TEST_F(VolumesTest, LimitsHoldBeforeMemoryIsTaken) {
  const std::string name = *volumes_.put(as_bytes("a scan"));
  EXPECT_ERROR(volumes_.get(name, 5), ErrorCode::too_large);
}

TEST_F(VolumesTest, NamesAreNoPaths) {
  for (const char* name : {"", "../../../../etc/passwd", "..", "0123456789abcdef0123456789abcdef/../../lock"}) {
    EXPECT_ERROR(volumes_.get(name, kRoom), ErrorCode::bad_input);
    EXPECT_NO_THROW(volumes_.remove(name));
  }
}

TEST_F(VolumesTest, AnInterruptedWriteLeavesNothing) {
  std::ofstream(file("0123456789abcdef0123456789abcdef.1.tmp")) << "half a sc";
  Volumes again(scratch_ / "volumes");
  EXPECT_TRUE(again.names().empty());
  EXPECT_TRUE(std::filesystem::is_empty(scratch_ / "volumes"));
}

}  // namespace
}  // namespace sagittal::durable
