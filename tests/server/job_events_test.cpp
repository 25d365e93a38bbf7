#include "server/api/job_events.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "scratch.h"

namespace sagittal::server {
namespace {

using namespace std::chrono_literals;

/// Waits for the end, as a page does.
class Reader : public http::WebSocket {
 public:
  void send(Text text, http::Loss) override {
    const Json event = Json::parse(*text);
    const std::lock_guard lock(mutex_);
    if (event.contains("log")) ++lines_;
    if (event.contains("state")) state_ = event["state"];
    ended_ = ended_ || event.value("type", "") == "closed";
    changed_.notify_all();
  }
  void close(std::uint16_t, std::string_view) override {}

  bool hears_the_end(std::chrono::seconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [this] { return ended_; });
  }
  std::string state() const {
    const std::lock_guard lock(mutex_);
    return state_;
  }
  int lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string state_;
  int lines_ = 0;
  bool ended_ = false;
};

struct Listening {
  Listening(JobEvents& events, const hub::JobStore& store, const std::string& job) : listener(events.listen(job, "")) {
    listener->open(reader, hub::job_json(store.get(job)));
  }
  std::shared_ptr<Reader> reader = std::make_shared<Reader>();
  std::shared_ptr<Events::Listener> listener;
};

class JobEventsTest : public testing::Test {
 protected:
  std::string submit() {
    hub::JobStore::Submission submission;
    submission.request.model = "lungs";
    submission.request.inputs = {{"", "/scan.nii.gz", ""}};
    return store_.submit(submission).id;
  }

  const Scratch scratch_;
  hub::JobStore store_{scratch_.path()};
  Events events_;
};

TEST_F(JobEventsTest, WhoComesWhileTheEndIsToldHearsItToo) {
  const std::string job = submit();
  store_.cancel(job);
  JobEvents told(store_, events_, 0ms);
  std::atomic<int> deaf = 0;
  const auto come_often = [&] {
    for (int n = 0; n < 150 && deaf == 0; ++n) {
      const Listening one(told, store_, job);
      if (!one.reader->hears_the_end(5s) || one.reader->state() != "cancelled") ++deaf;
    }
  };
  std::thread other(come_often), third(come_often);
  come_often();
  other.join();
  third.join();
  EXPECT_EQ(deaf, 0);
}

TEST_F(JobEventsTest, WhoComesLaterHearsWhatChangedMeanwhile) {
  const std::string job = submit();
  JobEvents told(store_, events_, 1ms);
  const Listening first(told, store_, job);
  store_.cancel(job);
  EXPECT_TRUE(first.reader->hears_the_end(10s));
  const Listening second(told, store_, job);
  EXPECT_TRUE(second.reader->hears_the_end(10s));
  EXPECT_EQ(second.reader->state(), "cancelled");
}

TEST_F(JobEventsTest, OfManyLinesTheLastAreTold) {
  const std::string job = submit();
  JobEvents told(store_, events_, 1ms);
  const Listening one(told, store_, job);
  std::string text;
  for (int n = 0; n < 5000; ++n) text += "line\n";
  std::filesystem::create_directories(store_.log_of(job).parent_path());
  std::ofstream(store_.log_of(job), std::ios::app) << text;
  for (int n = 0; n < 1000 && one.reader->lines() == 0; ++n) std::this_thread::sleep_for(5ms);
  store_.cancel(job);
  EXPECT_TRUE(one.reader->hears_the_end(10s));
  EXPECT_GT(one.reader->lines(), 50);
  EXPECT_LT(one.reader->lines(), 1024) << "more would close a socket";
}

}  // namespace
}  // namespace sagittal::server
