#include "server/studies/folder_studies.h"

#include <gmock/gmock.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "expect_error.h"
#include "io/image_io.h"
#include "scratch.h"
#include "server/studies/saved_labels.h"

namespace sagittal::server {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr FolderLimits kNow{.settle = std::chrono::milliseconds(0)};

class FolderStudiesTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_); }

  void write(const fs::path& name, const Index3& size = {4, 3, 2}) {
    fs::create_directories((root_ / name).parent_path());
    const Geometry grid{.size = size};
    const std::vector<std::int16_t> voxels(static_cast<std::size_t>(grid.voxel_count()), 7);
    io::write_image(make_volume<std::int16_t>(grid, voxels), root_ / name);
  }
  FolderIndex index(const FolderIndex& before = {}, const FolderLimits& limits = kNow) {
    return index_folder(fs::canonical(root_), limits, before, {}, {});
  }
  static std::vector<std::string> names(const FolderIndex& index) {
    std::vector<std::string> found;
    for (const auto& scan : index.scans) found.push_back(scan.study.name);
    return found;
  }

  Scratch scratch_;
  const fs::path root_ = scratch_.path() / "scans";
};

TEST_F(FolderStudiesTest, ScansOfEveryFormatAreFoundInSubFolders) {
  write("a.nii.gz", {5, 4, 3});
  write("b/c/d.nrrd");
  write("b/e.mha");
  std::ofstream(root_ / "notes.txt") << "no scan";
  std::ofstream(root_ / "broken.nii") << "no scan either";
  const FolderIndex found = index();
  EXPECT_THAT(names(found), ElementsAre("a.nii.gz", "b/c/d.nrrd", "b/e.mha"));
  EXPECT_EQ(found.scans[0].study.shape, (Index3{5, 4, 3}));
  EXPECT_EQ(found.scans[0].study.source, "folder");
  EXPECT_EQ(load_scan(fs::canonical(root_), found.scans[0], {}).image.geometry().size, (Index3{5, 4, 3}));
}

TEST_F(FolderStudiesTest, LinksAreNotFollowed) {
  write("a.nrrd");
  fs::rename(root_ / "a.nrrd", scratch_.path() / "secret.nrrd");
  fs::create_directory(scratch_.path() / "elsewhere");
  fs::copy(scratch_.path() / "secret.nrrd", scratch_.path() / "elsewhere/b.nrrd");
  fs::create_symlink(scratch_.path() / "secret.nrrd", root_ / "link.nrrd");
  fs::create_directory_symlink(scratch_.path() / "elsewhere", root_ / "folder");
  EXPECT_THAT(names(index()), IsEmpty());
}

TEST_F(FolderStudiesTest, AFileThatBecameALinkIsNotRead) {
  write("a.nrrd");
  const FolderIndex found = index();
  fs::rename(root_ / "a.nrrd", scratch_.path() / "secret.nrrd");
  fs::create_symlink(scratch_.path() / "secret.nrrd", root_ / "a.nrrd");
  EXPECT_ERROR(load_scan(fs::canonical(root_), found.scans.at(0), {}), ErrorCode::not_found);
}

TEST_F(FolderStudiesTest, AnIdIsTheSameInTheNextLook) {
  write("a.nrrd");
  EXPECT_EQ(index().scans.at(0).study.id, index().scans.at(0).study.id);
  EXPECT_EQ(index().scans.at(0).study.id.size(), 16u);
}

TEST_F(FolderStudiesTest, UnchangedFilesAreNotOpenedAgain) {
  write("a.nrrd");
  write("b.nrrd");
  const FolderIndex before = index();
  const auto written = fs::last_write_time(root_ / "b.nrrd");
  std::fstream(root_ / "b.nrrd", std::ios::in | std::ios::out) << "broken, though its time and size are the same";
  fs::last_write_time(root_ / "b.nrrd", written);
  EXPECT_THAT(names(index(before)), ElementsAre("a.nrrd", "b.nrrd"));
  fs::last_write_time(root_ / "b.nrrd", written + std::chrono::seconds(1));
  EXPECT_THAT(names(index(before)), ElementsAre("a.nrrd"));
}

TEST_F(FolderStudiesTest, WhatIsBeingWrittenIsLeftForTheNextLook) {
  write("a.nrrd");
  const FolderIndex found = index({}, {.settle = std::chrono::hours(1)});
  EXPECT_THAT(names(found), IsEmpty());
  EXPECT_TRUE(found.unsettled);
}

TEST_F(FolderStudiesTest, LimitsAreKeptAndSaid) {
  for (const char* name : {"a.nrrd", "b.nrrd", "c/d/e.nrrd"}) write(name);
  FolderLimits limits = kNow;
  limits.max_files = 2;
  EXPECT_EQ(index({}, limits).files.size(), 2u);
  EXPECT_FALSE(index({}, limits).complete);
  limits = kNow;
  limits.max_studies = 1;
  EXPECT_EQ(index({}, limits).scans.size(), 1u);
  limits = kNow;
  limits.max_depth = 1;
  EXPECT_THAT(names(index({}, limits)), ElementsAre("a.nrrd", "b.nrrd"));
}

TEST_F(FolderStudiesTest, NamesThatAreNoTextAreShownAllTheSame) {
  write("a\xff\n.nrrd");
  EXPECT_THAT(names(index()), ElementsAre("a? .nrrd"));
}

TEST_F(FolderStudiesTest, AScanThatWasAddedLaterIsFound) {
  write("a.nrrd");
  Studies studies([&] {
    std::vector<std::unique_ptr<StudySource>> sources;
    sources.push_back(std::make_unique<FolderStudies>(root_, kNow, LogSink()));
    return sources;
  }());
  const auto first = studies.find("a.nrrd");
  ASSERT_TRUE(first);
  EXPECT_EQ(studies.find(first->id)->name, "a.nrrd");
  write("b.nrrd");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!studies.find("b.nrrd") && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(studies.find("b.nrrd"));
  EXPECT_EQ(studies.list("B.N").studies.size(), 1u);
  EXPECT_EQ(studies.load("b.nrrd", {}).image.geometry().size, (Index3{4, 3, 2}));
  EXPECT_ERROR(studies.load("../secret.nrrd", {}), ErrorCode::not_found);
}

TEST_F(FolderStudiesTest, AFolderThatIsNoneIsRefused) {
  EXPECT_ERROR(FolderStudies(root_ / "none", kNow, {}), ErrorCode::not_found);
}

TEST_F(FolderStudiesTest, AFileThatOthersShortenMeanwhileEndsNothing) {
  write("a.nii", {64, 64, 64});
  const fs::path path = root_ / "a.nii";
  const Bytes whole = read_file(path, 1 << 24);
  const FolderIndex::Scan scan = index().scans.at(0);
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) {
      fs::resize_file(path, 400);
      std::ofstream(path, std::ios::in | std::ios::out | std::ios::binary)
          .write(reinterpret_cast<const char*>(whole.data()), static_cast<std::streamsize>(whole.size()));
    }
  });
  for (int n = 0; n < 200; ++n) {
    try {
      EXPECT_EQ(load_scan(fs::canonical(root_), scan, {}).image.geometry().size, (Index3{64, 64, 64}));
    } catch (const Error&) {  // it was short just then
    }
    index();
  }
  done = true;
  other.join();
  EXPECT_EQ(load_scan(fs::canonical(root_), scan, {}).image.geometry().size, (Index3{64, 64, 64}));
}

// ---- results

TEST_F(FolderStudiesTest, AResultIsKeptUnderItsNames) {
  SavedLabels labels(scratch_.path() / "labels");
  const std::string image = "../../etc/x y";
  labels.put("alice", image, "final", ".nrrd", as_bytes("one"));
  labels.put("alice", image, "final", ".nii.gz", as_bytes("two"));
  labels.put("alice", image, "final", ".dcm", as_bytes("three"));
  labels.put("alice", image, "a/b", ".nrrd", as_bytes("four"));
  const auto found = labels.of("alice", image);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].tag, "a%2Fb");
  EXPECT_EQ(found[1].extension, ".dcm");
  EXPECT_EQ(found[2].extension, ".nii.gz");
  EXPECT_EQ(as_text(read_file(found[2].path, 100)), "two");
  EXPECT_THAT(labels.of("bob", image), IsEmpty());
  for (const auto& entry : fs::recursive_directory_iterator(scratch_.path() / "labels")) {
    EXPECT_EQ(entry.status().permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none);
  }
}

TEST_F(FolderStudiesTest, ResultsAreCountedAndNeedRoom) {
  SavedLabels labels(scratch_.path() / "labels");
  EXPECT_EQ(labels.bytes(), 0u);
  labels.put("alice", "a", "final", ".nrrd", Bytes(10'000));
  labels.put("bob", "a", "final", ".nrrd", as_bytes("small"));
  const std::uint64_t taken = labels.bytes();
  EXPECT_GE(taken, 10'000u + 5);
  EXPECT_LE(taken, 10'000u + 3 * 4096);
  EXPECT_EQ(SavedLabels(scratch_.path() / "labels").bytes(), taken) << "after a restart too";

  std::uint64_t asked = 0;
  labels.set_make_room([&asked](std::uint64_t bytes) {
    asked = bytes;
    if (bytes > 20'000) throw Error(ErrorCode::unavailable, "full");
  });
  labels.put("bob", "a", "final", ".nrrd", as_bytes("other"));
  EXPECT_GE(asked, 5u);
  EXPECT_EQ(labels.bytes(), taken) << "in the place of the one before";
  EXPECT_ERROR(labels.put("bob", "b", "final", ".nrrd", Bytes(30'000)), ErrorCode::unavailable);
  EXPECT_THAT(labels.of("bob", "b"), IsEmpty());
}

TEST_F(FolderStudiesTest, WhatFailsItsCheckLeavesTheResultBefore) {
  SavedLabels labels(scratch_.path() / "labels");
  labels.put("", "a", "final", ".nrrd", as_bytes("good"));
  const auto refuse = [](const fs::path&) { throw Error(ErrorCode::bad_input, "no label"); };
  EXPECT_ERROR(labels.put("", "a", "final", ".nrrd", as_bytes("bad"), refuse), ErrorCode::bad_input);
  ASSERT_EQ(labels.of("", "a").size(), 1u);
  EXPECT_EQ(as_text(read_file(labels.of("", "a")[0].path, 100)), "good");
  EXPECT_EQ(std::distance(fs::directory_iterator(labels.of("", "a")[0].path.parent_path()), {}), 1);
}

TEST(SavedLabels, DifferentNamesAreDifferentFiles) {
  EXPECT_EQ(file_name_of("1.2.840"), "1.2.840");
  EXPECT_EQ(file_name_of(".."), "%2E.");
  EXPECT_EQ(file_name_of(""), "%");
  EXPECT_NE(file_name_of(std::string(500, 'a') + "1"), file_name_of(std::string(500, 'a') + "2"));
  EXPECT_LE(file_name_of(std::string(500, '/')).size(), 200u);
}

}  // namespace
}  // namespace sagittal::server
