#include "hub/jobs/run_memory.h"

#include <gtest/gtest.h>

#include "scratch.h"

namespace sagittal::hub {
namespace {

TEST(RunMemory, AnAcceptedLicenceIsOfThoseWordsModelAndPerson) {
  const Scratch scratch;
  RunMemory(scratch.path()).accept("lungmask", "MIT", "weights: MIT", "ada");
  const RunMemory memory(scratch.path());
  ASSERT_TRUE(memory.accepted("lungmask", "weights: MIT", "ada"));
  EXPECT_EQ(memory.accepted("lungmask", "weights: MIT", "ada")->time.size(), 20u);
  EXPECT_FALSE(memory.accepted("lungmask", "weights: MIT", "ben"));
  EXPECT_FALSE(memory.accepted("lungmask", "weights: CC BY-NC 4.0", "ada"));
  EXPECT_FALSE(memory.accepted("platipy", "weights: MIT", "ada"));
}

TEST(RunMemory, HardeningIsLearntForEachImage) {
  const Scratch scratch;
  RunMemory memory(scratch.path());
  EXPECT_FALSE(memory.hardening("sha256:1"));
  memory.learn("sha256:1", Hardening::read_only);
  memory.learn("sha256:1", Hardening::writable_layer);
  EXPECT_EQ(RunMemory(scratch.path()).hardening("sha256:1"), Hardening::writable_layer);
  EXPECT_FALSE(memory.hardening("sha256:2"));
}

TEST(RunMemory, KnowsComplaintsOfReadOnlyFiles) {
  EXPECT_TRUE(speaks_of_read_only_files("OSError: [Errno 30] Read-only file system: '/app/x'"));
  EXPECT_FALSE(speaks_of_read_only_files("no lungs found"));
}

}  // namespace
}  // namespace sagittal::hub
