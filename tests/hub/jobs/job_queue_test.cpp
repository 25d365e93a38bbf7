#include "hub/jobs/job_queue.h"

#include <atomic>
#include <functional>

#include "base/bytes.h"
#include "expect_error.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

using namespace std::chrono_literals;

/// Does what the test says.
class FakeWork final : public Work {
 public:
  using Act = std::function<WorkReport(const JobRequest&, const std::filesystem::path&, RunLog&, const RunControl&)>;
  explicit FakeWork(Act act) : act_(std::move(act)) {}
  WorkReport run(const JobRequest& request, const std::filesystem::path& folder, RunLog& log,
                 const RunControl& control) const override {
    ++begun;
    return act_(request, folder, log, control);
  }
  mutable std::atomic<int> begun = 0;

 private:
  const Act act_;
};

WorkReport write_output(const JobRequest&, const std::filesystem::path& folder, RunLog& log, const RunControl&) {
  log.add("at work");
  std::filesystem::create_directories(folder / "out");
  std::filesystem::create_directories(folder / "in");
  write_file_atomically(folder / "out/result.json", as_bytes("{}"));
  WorkReport report;
  report.outputs = {{"result.json", "json"}};
  return report;
}

WorkReport wait_for_cancel(const JobRequest&, const std::filesystem::path& folder, RunLog&, const RunControl& control) {
  std::filesystem::create_directories(folder / "out");
  write_file_atomically(folder / "out/half", as_bytes("half"));
  control.report("running tiles", 0.25);
  while (true) {
    control.check();
    std::this_thread::sleep_for(1ms);
  }
}

JobStore::Submission some_job() {
  JobStore::Submission submission;
  submission.request.model = "m";
  submission.request.inputs = {{"", "/scan.nii.gz", ""}};
  submission.request.limits.memory_bytes = std::uint64_t{1} << 30;
  return submission;
}

QueueOptions quick(int jobs = 8) {
  QueueOptions options;
  options.capacity = {std::uint64_t{64} << 30, 64, jobs};
  options.tick = 2ms;
  return options;
}

template <class Condition>
bool eventually(Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

Job wait_for(const JobStore& store, const std::string& id, JobState state) {
  EXPECT_TRUE(eventually([&] { return store.get(id).state == state; })) << name_of(store.get(id).state);
  return store.get(id);
}

TEST(JobQueue, RunsAJobToItsEnd) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const FakeWork work(write_output);
  const std::string id = store.submit(some_job()).id;
  JobQueue queue(store, work, quick());
  const Job job = wait_for(store, id, JobState::done);
  EXPECT_EQ(job.outputs.at(0).at("path"), "result.json");
  EXPECT_EQ(job.outputs.at(0).at("bytes"), 2);
  EXPECT_EQ(as_text(read_file(store.log_of(id), 100)), "at work\n");
  EXPECT_FALSE(std::filesystem::exists(store.folder_of(id) / "in"));
  EXPECT_EQ(work.begun, 1);
}

TEST(JobQueue, SaysWhyAJobFailedAndKeepsNoHalfOutput) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const FakeWork work([](const auto&, const std::filesystem::path& folder, auto&, const auto&) -> WorkReport {
    std::filesystem::create_directories(folder / "out/half");
    throw Error(ErrorCode::unsupported, "the model wrote nothing");
  });
  const std::string id = store.submit(some_job()).id;
  JobQueue queue(store, work, quick());
  const Job job = wait_for(store, id, JobState::failed);
  EXPECT_EQ(job.error->code(), ErrorCode::unsupported);
  EXPECT_STREQ(job.error->what(), "the model wrote nothing");
  EXPECT_FALSE(std::filesystem::exists(store.folder_of(id) / "out"));
}

TEST(JobQueue, ADefectOfAWorkFailsItsJobAlone) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const FakeWork work([](auto&&...) -> WorkReport { throw std::runtime_error("oops"); });
  const std::string a = store.submit(some_job()).id, b = store.submit(some_job()).id;
  JobQueue queue(store, work, quick());
  EXPECT_EQ(wait_for(store, a, JobState::failed).error->code(), ErrorCode::internal);
  wait_for(store, b, JobState::failed);
}

TEST(JobQueue, AForgedRequestFailsItsJob) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const FakeWork work(write_output);
  const std::string id = store.submit(some_job()).id;
  write_file_atomically(store.folder_of(id) / "request.json", as_bytes(R"({"version":1,"model":7})"));
  JobQueue queue(store, work, quick());
  EXPECT_EQ(wait_for(store, id, JobState::failed).error->code(), ErrorCode::bad_input);
  EXPECT_EQ(work.begun, 0);
}

TEST(JobQueue, CancelStopsARunningJob) {
  const Scratch scratch;
  JobStore store(scratch.path()), other(scratch.path());
  const FakeWork work(wait_for_cancel);
  const std::string id = store.submit(some_job()).id;
  JobQueue queue(store, work, quick());
  const Job running = wait_for(store, id, JobState::running);
  EXPECT_TRUE(eventually([&] { return store.get(id).fraction == 0.25; }));
  other.cancel(id);
  const Job job = wait_for(store, id, JobState::cancelled);
  EXPECT_FALSE(job.error);
  EXPECT_FALSE(std::filesystem::exists(store.folder_of(id) / "out"));
}

TEST(JobQueue, AJobThatIgnoresCancelIsShownAsStoppingUntilItsEnd) {
  const Scratch scratch;
  JobStore store(scratch.path());
  std::atomic<bool> let_go = false;
  const FakeWork work([&](auto&&...) {
    while (!let_go) std::this_thread::sleep_for(1ms);
    return WorkReport();
  });
  const std::string id = store.submit(some_job()).id;
  JobQueue queue(store, work, quick());
  ASSERT_TRUE(eventually([&] { return work.begun == 1; }));
  store.cancel(id);
  EXPECT_TRUE(eventually([&] { return store.get(id).stage == "stopping"; }));
  EXPECT_FALSE(has_ended(store.get(id).state));
  let_go = true;
  EXPECT_EQ(wait_for(store, id, JobState::done).stage, "");
}

TEST(JobQueue, RunsSeveralAtOnceAndNoMoreThanFit) {
  const Scratch scratch;
  JobStore store(scratch.path());
  std::atomic<int> now = 0, most = 0;
  const FakeWork work([&](const auto&, const auto&, auto&, const auto&) {
    most = std::max(most.load(), ++now);
    std::this_thread::sleep_for(20ms);
    --now;
    return WorkReport();
  });
  std::vector<std::string> ids;
  for (int n = 0; n < 9; ++n) ids.push_back(store.submit(some_job()).id);
  JobQueue queue(store, work, quick(3));
  for (const std::string& id : ids) wait_for(store, id, JobState::done);
  EXPECT_EQ(most, 3);
  EXPECT_EQ(work.begun, 9);
}

TEST(JobQueue, StoppingLeavesItsJobsToBeRunAgain) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const std::string id = store.submit(some_job()).id;
  {
    const FakeWork work(wait_for_cancel);
    JobQueue queue(store, work, quick());
    wait_for(store, id, JobState::running);
  }
  EXPECT_EQ(store.get(id).state, JobState::interrupted);
  EXPECT_EQ(store.get(id).attempts, 0);
  const FakeWork work(write_output);
  JobQueue queue(store, work, quick());
  wait_for(store, id, JobState::done);
}

TEST(JobQueue, TwoQueuesShareTheJobs) {
  const Scratch scratch;
  JobStore a(scratch.path()), b(scratch.path());
  const FakeWork work(write_output);
  std::vector<std::string> ids;
  for (int n = 0; n < 20; ++n) ids.push_back(a.submit(some_job()).id);
  JobQueue first(a, work, quick()), second(b, work, quick());
  for (const std::string& id : ids) wait_for(a, id, JobState::done);
  EXPECT_EQ(work.begun, 20);
}

TEST(JobQueue, AJobThatAnotherProcessTookIsLeftToIt) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const FakeWork work(wait_for_cancel);
  const std::string id = store.submit(some_job()).id;
  JobQueue queue(store, work, quick());
  wait_for(store, id, JobState::running);
  {
    durable::Database database(scratch / "jobs.db");
    database.run("UPDATE job SET holder = 'another-machine', lease = 9000000000000000");
  }
  EXPECT_TRUE(eventually([&] { return queue.running() == 0; }));
  EXPECT_FALSE(has_ended(store.get(id).state));
}

TEST(JobQueue, OfACommandRunsItsJobAlone) {
  const Scratch scratch;
  JobStore store(scratch.path());
  const FakeWork work(write_output);
  const std::string other = store.submit(some_job()).id, own = store.submit(some_job()).id;
  QueueOptions options = quick();
  options.only = own;
  JobQueue queue(store, work, options);
  wait_for(store, own, JobState::done);
  EXPECT_EQ(store.get(other).state, JobState::queued);
}

}  // namespace
}  // namespace sagittal::hub
