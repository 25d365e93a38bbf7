#include "hub/jobs/job_store.h"

#include <fstream>

#include "base/bytes.h"
#include "expect_error.h"
#include "hub/jobs/job_folder.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

constexpr JobCapacity kRoomy{std::uint64_t{64} << 30, 64, 8};

JobStore::Submission some_job(const std::string& owner = {}) {
  JobStore::Submission submission;
  submission.request.model = "lungmask";
  submission.request.inputs = {{"ct", "/scans/one.nii.gz", ""}};
  submission.owner = owner;
  return submission;
}

void write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  write_file_atomically(file, as_bytes(text));
}

WorkEnd one_output() {
  WorkEnd end;
  end.report.outputs = {{"a/seg.nii.gz", "segmentation", {{1, "Liver", "LIVER"}}}};
  end.report.notes = {"a note"};
  end.report.record = {{"engine", "fake"}};
  return end;
}

/// A store whose process dies: its lock is free, its lease is not.
std::string claim_and_die(const std::filesystem::path& folder) {
  JobStore dying(folder);
  const auto job = dying.claim(kRoomy);
  return job ? job->id : "";
}

TEST(JobStore, KeepsWhatWasAskedAcrossProcesses) {
  const Scratch scratch;
  std::string id;
  {
    JobStore store(scratch.path());
    auto submission = some_job("ada");
    submission.title = "Lungs";
    id = store.submit(submission).id;
  }
  JobStore store(scratch.path());
  const Job job = store.get(id);
  EXPECT_EQ(job.state, JobState::queued);
  EXPECT_EQ(job.title, "Lungs");
  EXPECT_EQ(job.place, 1);
  EXPECT_EQ(job.inputs.at(0).description, "one.nii.gz");
  EXPECT_EQ(store.request_of(id).inputs.at(0).path, "/scans/one.nii.gz");
}

TEST(JobStore, ListsNewestFirstAndOnesOwnOnly) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const std::string first = store.submit(some_job("ada")).id, second = store.submit(some_job("ben")).id;
  EXPECT_EQ(store.list().at(0).id, second);
  ASSERT_EQ(store.list("ada").size(), 1u);
  EXPECT_EQ(store.list("ada")[0].id, first);
  EXPECT_EQ(store.get(first, "ada").id, first);
  EXPECT_ERROR(store.get(first, "ben"), ErrorCode::not_found);
  EXPECT_ERROR(store.get("../../etc"), ErrorCode::not_found);
}

TEST(JobStore, GivesAJobToOneProcessOnly) {
  const Scratch scratch;
  JobStore a(scratch.path()), b(scratch.path());
  const std::string id = a.submit(some_job()).id;
  ASSERT_TRUE(a.claim(kRoomy));
  EXPECT_FALSE(b.claim(kRoomy));
  EXPECT_EQ(b.renew(id, "running", 0.5), JobStore::Hold::lost);
  EXPECT_EQ(a.renew(id, "running tiles", 0.5), JobStore::Hold::mine);
  EXPECT_EQ(b.get(id).state, JobState::running);
  EXPECT_DOUBLE_EQ(b.get(id).fraction, 0.5);
  EXPECT_FALSE(b.finish(id, one_output()));
  EXPECT_TRUE(a.finish(id, one_output()));
  EXPECT_EQ(b.get(id).state, JobState::done);
}

TEST(JobStore, RunsAJobOnceMoreWhenItsProcessDiedAndNotAThirdTime) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const std::string id = store.submit(some_job()).id;
  EXPECT_EQ(claim_and_die(scratch.path()), id);
  store.recover();
  EXPECT_EQ(store.get(id).state, JobState::interrupted);
  EXPECT_EQ(claim_and_die(scratch.path()), id);
  store.recover();
  const Job job = store.get(id);
  EXPECT_EQ(job.state, JobState::failed);
  ASSERT_TRUE(job.error);
  EXPECT_NE(std::string(job.error->what()).find("2 times"), std::string::npos);
}

TEST(JobStore, AJobWhoseRecordWasWrittenIsDoneThoughItsProcessDiedThen) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const std::string id = store.submit(some_job()).id;
  claim_and_die(scratch.path());
  write(store.folder_of(id) / "out/a/seg.nii.gz", "12345");
  write_end(store.folder_of(id), one_output());
  store.recover();
  const Job job = store.get(id);
  EXPECT_EQ(job.state, JobState::done);
  EXPECT_EQ(job.outputs.at(0).at("bytes"), 5);
  EXPECT_EQ(store.record_of(id).at("engine"), "fake");
}

TEST(JobStore, AForgedRecordIsNotBelieved) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const std::string id = store.submit(some_job()).id;
  claim_and_die(scratch.path());
  write(store.folder_of(id) / "record.json", R"({"version":1,"outputs":[{"path":"../../state.db","kind":"file"}]})");
  store.recover();
  EXPECT_EQ(store.get(id).state, JobState::interrupted);
}

TEST(JobStore, AnotherMachinesLeaseRunsOut) {
  const Scratch scratch;
  std::int64_t now = 1'000'000;
  JobStore store(scratch.path(), {}, [&] { return now; });
  const std::string id = store.submit(some_job()).id;
  ASSERT_TRUE(store.claim(kRoomy));
  {
    durable::Database database(scratch / "jobs.db");
    database.run("UPDATE job SET holder = 'other-machine'");
  }
  now += 59'000;
  store.recover();
  EXPECT_EQ(store.get(id).state, JobState::staging);
  now += 2'000;
  store.recover();
  EXPECT_EQ(store.get(id).state, JobState::interrupted);
}

TEST(JobStore, CancelEndsAWaitingJobAndTellsWhoRunsOne) {
  const Scratch scratch;
  JobStore store(scratch.path()), other(scratch.path());
  const std::string running = store.submit(some_job()).id, waiting = store.submit(some_job()).id;
  ASSERT_TRUE(store.claim(kRoomy, running));
  other.cancel(waiting);
  EXPECT_EQ(store.get(waiting).state, JobState::cancelled);
  EXPECT_ERROR(other.cancel(waiting), ErrorCode::conflict);
  other.cancel(running);
  EXPECT_EQ(store.get(running).stage, "stopping");
  EXPECT_EQ(store.renew(running, "running", 0), JobStore::Hold::stop);
  EXPECT_ERROR(other.cancel("nonsense"), ErrorCode::not_found);
}

TEST(JobStore, AReleasedJobDoesNotCountAsAttempted) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const std::string id = store.submit(some_job()).id;
  for (int n = 0; n < 4; ++n) {
    ASSERT_TRUE(store.claim(kRoomy));
    store.release(id);
  }
  EXPECT_EQ(store.get(id).state, JobState::interrupted);
  EXPECT_EQ(store.get(id).attempts, 0);
}

TEST(JobStore, JobsWaitForRoomInTheirOrder) {
  const Scratch scratch;
  JobStore store(scratch.path());
  auto large = some_job(), small = some_job();
  large.request.limits.memory_bytes = std::uint64_t{6} << 30;
  small.request.limits.memory_bytes = std::uint64_t{1} << 30;
  const JobCapacity capacity{std::uint64_t{8} << 30, 4, 8};
  const std::string first = store.submit(large).id, second = store.submit(large).id, third = store.submit(small).id;
  EXPECT_EQ(store.claim(capacity)->id, first);
  EXPECT_FALSE(store.claim(capacity));  // the small one does not overtake
  EXPECT_EQ(store.get(third).place, 2);
  store.finish(first, one_output());
  EXPECT_EQ(store.claim(capacity)->id, second);
  EXPECT_EQ(store.claim(capacity)->id, third);
}

TEST(JobStore, AJobLargerThanTheMachineRunsAlone) {
  const Scratch scratch;
  JobStore store(scratch.path());
  store.submit(some_job());
  EXPECT_TRUE(store.claim({1, 0.1, 8}));
}

TEST(JobStore, AJobOfACommandIsLeftToItWhileItLives) {
  const Scratch scratch;
  JobStore server(scratch.path());
  std::string id;
  {
    JobStore command(scratch.path());
    auto submission = some_job();
    submission.for_me = true;
    id = command.submit(submission).id;
    EXPECT_FALSE(server.claim(kRoomy));
  }
  EXPECT_EQ(server.claim(kRoomy)->id, id);
}

TEST(JobStore, EachOwnerMayHaveSoManyJobs) {
  const Scratch scratch;
  JobStore store(scratch.path());
  auto submission = some_job("ada");
  submission.most_unfinished = 2;
  store.submit(submission);
  store.submit(submission);
  EXPECT_ERROR(store.submit(submission), ErrorCode::unavailable);
  submission.owner = "ben";
  EXPECT_NO_THROW(store.submit(submission));
}

TEST(JobStore, ARefusedJobLeavesNothing) {
  const Scratch scratch;
  JobStore store(scratch.path());
  auto submission = some_job();
  submission.fill = [](const std::filesystem::path& folder, JobRequest&) {
    write(folder / "given/0", "bytes");
    throw Error(ErrorCode::io, "the disk is full");
  };
  EXPECT_ERROR(store.submit(submission), ErrorCode::io);
  submission.request.inputs.clear();
  EXPECT_ERROR(store.submit(submission), ErrorCode::bad_input);
  EXPECT_TRUE(store.list().empty());
  EXPECT_EQ(bytes_below(scratch / "jobs/given"), 0u);
}

TEST(JobStore, ExpiresEndedJobsByAgeAndSizeOnly) {
  const Scratch scratch;
  std::int64_t now = 1'000'000;
  JobStore store(scratch.path(), {}, [&] { return now; });
  std::vector<std::string> ids;
  for (int n = 0; n < 4; ++n) ids.push_back(store.submit(some_job()).id);
  for (int n = 0; n < 3; ++n) {
    store.claim(kRoomy, ids[static_cast<std::size_t>(n)]);
    write(store.folder_of(ids[static_cast<std::size_t>(n)]) / "out/a/seg.nii.gz", std::string(100'000, 'x'));
    now += 1000;
    store.finish(ids[static_cast<std::size_t>(n)], one_output());
  }
  EXPECT_EQ(store.expire(std::chrono::hours(1), 250'000), 1u);
  EXPECT_ERROR(store.get(ids[0]), ErrorCode::not_found);
  EXPECT_FALSE(std::filesystem::exists(store.folder_of(ids[0])));
  now += 7'200'000;
  EXPECT_EQ(store.expire(std::chrono::hours(1), 0), 2u);
  EXPECT_EQ(store.get(ids[3]).state, JobState::queued);
  EXPECT_ERROR(store.remove(ids[3]), ErrorCode::conflict);
}

TEST(JobStore, ADamagedDatabaseIsPutAside) {
  const Scratch scratch;
  write(scratch / "jobs.db", std::string(8192, 'x'));
  std::string said;
  JobStore store(scratch.path(), [&](LogLevel, std::string_view text) { said = text; });
  EXPECT_NE(said.find("damaged"), std::string::npos);
  EXPECT_NO_THROW(store.submit(some_job()));
}

TEST(JobStore, KnowsWhetherSomebodyRunsJobs) {
  const Scratch scratch;
  JobStore store(scratch.path());
  EXPECT_FALSE(store.somebody_serves());
  {
    JobStore server(scratch.path());
    server.serve();
    EXPECT_TRUE(store.somebody_serves());
  }
  EXPECT_FALSE(store.somebody_serves());
}

}  // namespace
}  // namespace sagittal::hub
