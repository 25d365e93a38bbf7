#include "hub/archive.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "expect_error.h"
#include "io/gzip.h"
#include "io/stored_zip.h"
#include "scratch.h"
#include "tar_writer.h"

namespace sagittal::hub {
namespace {

std::map<std::string, std::string> contents(ByteView archive, const ArchiveLimits& limits = {}) {
  std::map<std::string, std::string> out;
  read_archive(archive, limits, [&](const ArchiveMember& member) -> MemberSink {
    if (member.is_folder) return {};
    return [&text = out[member.path]](ByteView block) { text += as_text(block); };
  });
  return out;
}

std::filesystem::path write(const Scratch& scratch, const std::string& name, ByteView bytes) {
  write_file_atomically(scratch / name, bytes);
  return scratch / name;
}

TEST(Archive, TarAndZipAreReadPackedOrNot) {
  const Bytes tar = TarWriter().add("a/", "", TarWriter::kFolder).add("./a/b.txt", "hello").add("c", "").finish();
  const std::map<std::string, std::string> expected{{"a/b.txt", "hello"}, {"c", ""}};
  EXPECT_EQ(contents(tar), expected);
  EXPECT_EQ(contents(io::gzip(tar)), expected);
  io::StoredZip zip(1 << 20);
  zip.add("a/b.txt", as_bytes("hello"));
  zip.add("c", {});
  const Bytes zipped = std::move(zip).finish();
  EXPECT_EQ(contents(zipped), expected);
  for (const Bytes& archive : {tar, io::gzip(tar), zipped}) EXPECT_TRUE(looks_like_archive(archive));
  EXPECT_FALSE(looks_like_archive(as_bytes("{\"data\":[]}")));
}

TEST(Archive, PathsOutOfItAreRefused) {
  for (const char* path : {"../x", "a/../../x", "/etc/x", "a//b", "a/./b", "..", "a\\b", "a\nb"}) {
    EXPECT_ERROR(contents(TarWriter().add(path, "x").finish()), ErrorCode::bad_input);
  }
  EXPECT_ERROR(contents(TarWriter().add("long", "x").finish(), {.max_path = 3}), ErrorCode::bad_input);
}

TEST(Archive, BombsEndAtTheLimit) {
  const std::string zeros(std::size_t{4} << 20, '\0');
  const Bytes bomb = io::gzip(TarWriter().add("unwanted", zeros).finish(), 9);
  EXPECT_LT(bomb.size(), 50'000u);
  const auto unwanted = [](const ArchiveMember&) { return MemberSink(); };
  EXPECT_ERROR(read_archive(bomb, {.max_bytes = 1 << 20}, unwanted), ErrorCode::too_large);
  TarWriter many;
  for (int n = 0; n < 50; ++n) many.add(std::to_string(n), "");
  EXPECT_ERROR(contents(many.finish(), {.max_files = 20}), ErrorCode::too_large);
}

TEST(Archive, DamageIsSaid) {
  const Bytes tar = TarWriter().add("a", std::string(2000, 'x')).finish();
  EXPECT_ERROR(contents(ByteView(tar).first(1000)), ErrorCode::bad_input);
  Bytes packed = io::gzip(tar);
  packed[packed.size() / 2] ^= 0x55;
  EXPECT_ERROR(contents(packed), ErrorCode::bad_input);
  EXPECT_ERROR(contents(as_bytes("PK\x03\x04 nothing behind it")), ErrorCode::bad_input);
}

TEST(Archive, LinksAreReadOver) {
  const Bytes tar = TarWriter().add("l", "", TarWriter::kSymbolicLink, "/etc/passwd").add("a", "x").finish();
  EXPECT_EQ(contents(tar).size(), 1u);
}

TEST(Unpack, FilesAndFoldersAppear) {
  const Scratch scratch;
  const auto archive =
      write(scratch, "a.tar", TarWriter().add("m/fold_0/w.pth", "weights").add("m/plans.json", "{}").finish());
  unpack_archive(archive, scratch / "out", {}, {});
  EXPECT_EQ(as_text(read_file(scratch / "out/m/fold_0/w.pth", 100)), "weights");
}

TEST(Unpack, NothingIsWrittenOutsideThroughLinksOrTwice) {
  const Bytes forged[] = {
      TarWriter().add("l", "", TarWriter::kSymbolicLink, "..").add("l/x", "x").finish(),
      TarWriter().add("l", "", TarWriter::kHardLink, "/etc/passwd").finish(),
      TarWriter().add("d", "", TarWriter::kDevice).finish(),
      TarWriter().add("a", "1").add("a", "2").finish(),
      TarWriter().add("../x", "x").finish(),
  };
  for (const Bytes& bytes : forged) {
    const Scratch scratch;
    const auto archive = write(scratch, "a.tar", bytes);
    EXPECT_ERROR(unpack_archive(archive, scratch / "out", {}, {}), ErrorCode::bad_input);
    EXPECT_FALSE(std::filesystem::exists(scratch / "x"));
  }
}

TEST(Unpack, AFolderThatIsThereIsNotTouched) {
  const Scratch scratch;
  const auto archive = write(scratch, "a.tar", TarWriter().add("a", "x").finish());
  std::filesystem::create_directory(scratch / "out");
  EXPECT_ERROR(unpack_archive(archive, scratch / "out", {}, {}), ErrorCode::conflict);
}

TEST(Unpack, AStoppedOneEnds) {
  const Scratch scratch;
  const auto archive = write(scratch, "a.tar", TarWriter().add("a", "x").finish());
  const RunControl control;
  control.cancel.cancel();
  EXPECT_ERROR(unpack_archive(archive, scratch / "out", {}, control), ErrorCode::cancelled);
}

}  // namespace
}  // namespace sagittal::hub
