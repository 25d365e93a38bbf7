#include "hub/jobs/job_folder.h"

#include "base/bytes.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  write_file_atomically(file, as_bytes(text));
}

TEST(JobFolder, FindsOutputsButNothingElse) {
  const Scratch scratch;
  write(scratch / "out/a/b.txt", "x");
  write(scratch / "secret", "y");
  fs::create_symlink(scratch / "secret", scratch / "out/link");
  fs::create_directory_symlink(scratch.path(), scratch / "out/up");
  EXPECT_EQ(output_file(scratch.path(), "a/b.txt"), scratch / "out/a/b.txt");
  for (const char* bad :
       {"../secret", "link", "up/secret", "a", "a/b.txt/", "", "a/../../secret", "/etc/passwd", "none"})
    EXPECT_ERROR(output_file(scratch.path(), bad), ErrorCode::not_found);
}

TEST(JobFolder, CopiesFilesWithoutLinksAndNeverOverSomething) {
  const Scratch scratch;
  write(scratch / "job/out/a/b.txt", "x");
  write(scratch / "secret", "y");
  fs::create_symlink(scratch / "secret", scratch / "job/out/link");
  copy_outputs(scratch / "job", scratch / "results/here");
  EXPECT_TRUE(fs::exists(scratch / "results/here/a/b.txt"));
  EXPECT_FALSE(fs::exists(fs::symlink_status(scratch / "results/here/link")));
  EXPECT_ERROR(copy_outputs(scratch / "job", scratch / "results/here"), ErrorCode::conflict);
}

TEST(JobFolder, HasNoRecordBeforeTheEnd) {
  const Scratch scratch;
  EXPECT_FALSE(read_end(scratch.path()));
  WorkEnd end;
  end.report.notes = {"\xff is no UTF-8"};
  write_end(scratch.path(), end);
  EXPECT_EQ(read_end(scratch.path())->report.notes.size(), 1u);
}

TEST(JobFolder, ARequestThatIsTooLargeIsRefused) {
  const Scratch scratch;
  EXPECT_ERROR(read_request(scratch.path()), ErrorCode::not_found);
  write(scratch / "request.json", std::string((std::size_t{16} << 20) + 1, ' '));
  EXPECT_ERROR(read_request(scratch.path()), ErrorCode::too_large);
}

}  // namespace
}  // namespace sagittal::hub
