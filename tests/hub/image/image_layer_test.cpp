#include "hub/image/image_layer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "base/bytes.h"
#include "expect_error.h"
#include "hub/tar_writer.h"
#include "io/gzip.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

/// A root file system in a folder beside which something lies that nobody may touch.
class ImageLayerTest : public testing::Test {
 protected:
  ImageLayerTest() {
    fs::create_directory(root_);
    write(scratch_ / "secret", "untouched");
  }
  ~ImageLayerTest() override { EXPECT_EQ(text(scratch_ / "secret"), "untouched"); }

  static void write(const fs::path& path, std::string_view content) { std::ofstream(path) << content; }
  static std::string text(const fs::path& path) {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }

  UnpackedLayer unpack(const TarWriter& tar, const UnpackLimits& limits = {}) {
    write_file_atomically(scratch_ / "layer", tar.finish());
    return unpack_layer(scratch_ / "layer", root_, limits, {});
  }

  Scratch scratch_;
  const fs::path root_ = scratch_ / "rootfs";
};

TEST_F(ImageLayerTest, FilesFoldersAndLinksAppear) {
  const auto done = unpack(TarWriter()
                               .add("./usr/", "", TarWriter::kFolder)
                               .add("./usr/bin/tool", "hello")
                               .add("bin", "", TarWriter::kSymbolicLink, "usr/bin")
                               .add("again", "", TarWriter::kHardLink, "./usr/bin/tool")
                               .add("null", "", TarWriter::kDevice));
  EXPECT_EQ(text(root_ / "bin/tool"), "hello");
  EXPECT_EQ(fs::hard_link_count(root_ / "again"), 2u);
  EXPECT_FALSE(fs::exists(root_ / "null"));
  EXPECT_EQ(done.bytes, 5u);
}

TEST_F(ImageLayerTest, PackedLayersAreRead) {
  write_file_atomically(scratch_ / "layer", io::gzip(TarWriter().add("a", "hello").finish()));
  unpack_layer(scratch_ / "layer", root_, {}, {});
  EXPECT_EQ(text(root_ / "a"), "hello");
}

TEST_F(ImageLayerTest, AFileThroughALinkLandsInTheImage) {
  const auto link = TarWriter().add("bin", "", TarWriter::kSymbolicLink, "/usr/bin");
  EXPECT_ERROR(unpack(TarWriter(link).add("bin/tool", "early")), ErrorCode::bad_input);
  unpack(TarWriter(link).add("usr/bin/", "", TarWriter::kFolder).add("bin/tool", "one"));
  EXPECT_EQ(text(root_ / "usr/bin/tool"), "one");
  unpack(TarWriter().add("bin/tool", "two"));
  EXPECT_EQ(text(root_ / "usr/bin/tool"), "two");
}

TEST_F(ImageLayerTest, NothingOutsideIsReached) {
  const std::string outside = scratch_.path().string();
  unpack(TarWriter()
             .add("up", "", TarWriter::kSymbolicLink, "../..")
             .add("up/secret", "x")
             .add("whole", "", TarWriter::kSymbolicLink, outside)
             .add("file", "", TarWriter::kSymbolicLink, outside + "/secret")
             .add("file", "x"));
  EXPECT_EQ(text(root_ / "secret"), "x");
  EXPECT_EQ(text(root_ / "file"), "x");
  EXPECT_ERROR(unpack(TarWriter().add("whole/secret", "x")), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(TarWriter().add("proc", "", TarWriter::kSymbolicLink, "/proc/self/root").add("proc/x", "x")),
               ErrorCode::bad_input);
  for (const char* path : {"../secret", "a/../../secret", "a//b", "..", "a/./b"}) {
    EXPECT_ERROR(unpack(TarWriter().add(path, "x")), ErrorCode::bad_input);
  }
  EXPECT_ERROR(unpack(TarWriter().add("stolen", "", TarWriter::kHardLink, "../secret")), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(TarWriter().add("stolen", "", TarWriter::kHardLink, outside + "/secret")), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(TarWriter().add("nowhere", "", TarWriter::kHardLink, "absent")), ErrorCode::bad_input);
  EXPECT_ERROR(unpack(TarWriter().add("plain", "x").add("plain/below", "x")), ErrorCode::bad_input);
  unpack(TarWriter().add("up/.wh.secret", "").add("whole/.wh..wh..opq", ""));
}

TEST_F(ImageLayerTest, LoopsOfLinksEnd) {
  EXPECT_ERROR(unpack(TarWriter()
                          .add("a", "", TarWriter::kSymbolicLink, "b")
                          .add("b", "", TarWriter::kSymbolicLink, "a")
                          .add("a/x", "x")),
               ErrorCode::bad_input);
}

TEST_F(ImageLayerTest, WhatALayerRemovesIsGone) {
  unpack(TarWriter().add("etc/a", "1").add("etc/b", "2").add("opt/old/x", "3").add("opt/kept", "4"));
  unpack(TarWriter().add("etc/.wh.a", "").add("opt/new", "5").add("opt/.wh..wh..opq", "").add(".wh.absent", ""));
  EXPECT_FALSE(fs::exists(root_ / "etc/a"));
  EXPECT_EQ(text(root_ / "etc/b"), "2");
  EXPECT_FALSE(fs::exists(root_ / "opt/old"));
  EXPECT_FALSE(fs::exists(root_ / "opt/kept"));
  EXPECT_EQ(text(root_ / "opt/new"), "5");
  for (const char* mark : {"etc/.wh.", "etc/.wh..", ".wh..."}) {
    EXPECT_ERROR(unpack(TarWriter().add(mark, "")), ErrorCode::bad_input);
  }
  EXPECT_EQ(text(root_ / "etc/b"), "2");
}

TEST_F(ImageLayerTest, KindsGiveWayToEachOther) {
  unpack(TarWriter().add("a/b", "1").add("c", "2").add("d", "", TarWriter::kSymbolicLink, "a"));
  unpack(
      TarWriter().add("a", "file").add("c/", "", TarWriter::kFolder).add("c/d", "3").add("d/", "", TarWriter::kFolder));
  EXPECT_EQ(text(root_ / "a"), "file");
  EXPECT_EQ(text(root_ / "c/d"), "3");
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(root_ / "d")));
}

TEST_F(ImageLayerTest, NobodyGetsTheOwnersRights) {
  unpack(TarWriter().add("tool", "x"));
  struct stat info {};
  ASSERT_EQ(::stat((root_ / "tool").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07022, 0u);
}

TEST_F(ImageLayerTest, BombsEndAtTheLimit) {
  const std::string zeros(std::size_t{1} << 20, '\0');
  EXPECT_ERROR(unpack(TarWriter().add("a", zeros), {.max_bytes = 1000}), ErrorCode::too_large);
  EXPECT_ERROR(unpack(TarWriter().add("a", "").add("b", "").add("c", ""), {.max_files = 2}), ErrorCode::too_large);
}

TEST_F(ImageLayerTest, DamageIsSaid) {
  write(scratch_ / "noise", std::string(3000, 'x'));
  EXPECT_ERROR(unpack_layer(scratch_ / "noise", root_, {}, {}), ErrorCode::bad_input);
  const Bytes whole = TarWriter().add("a", std::string(5000, 'x')).finish();
  write(scratch_ / "cut", as_text(ByteView(whole).first(2000)));
  EXPECT_ERROR(unpack_layer(scratch_ / "cut", root_, {}, {}), ErrorCode::bad_input);
  RunControl control;
  control.cancel.cancel();
  write(scratch_ / "good", as_text(whole));
  EXPECT_ERROR(unpack_layer(scratch_ / "good", root_, {}, control), ErrorCode::cancelled);
}

}  // namespace
}  // namespace sagittal::hub
