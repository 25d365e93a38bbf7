#pragma once
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "base/log.h"
#include "hub/jobs/job_store.h"
#include "hub/jobs/work.h"

namespace sagittal::hub {

struct QueueOptions {
  JobCapacity capacity = {};
  std::string only = {};                              ///< this job alone; empty: whatever comes
  std::chrono::milliseconds tick{500};                ///< how often it looks around
  std::chrono::milliseconds keep{};                   ///< ended jobs; 0: for ever
  std::uint64_t most_bytes = 0;                       ///< of all ended jobs; 0: any number
  std::uint64_t log_bytes = std::uint64_t{16} << 20;  ///< of one job
  CancelToken leaving = {};                           ///< cancelled by `stop`, before the jobs are
  LogSink log = {};
};

/// Runs jobs of a store with threads of its own, several at once. The store and the work outlive it.
class JobQueue {
 public:
  JobQueue(JobStore& store, const Work& work, QueueOptions options);
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;
  ~JobQueue();

  /// Something changed: look now.
  void wake();
  std::size_t running() const;

  /// Stops what runs and waits for it; those jobs wait to be run again. Twice does nothing.
  void stop();

 private:
  struct Running;
  void loop();
  void look_around();
  void start(const Job& job);
  void run(Running& running);
  void settle(Running& running, WorkEnd end);
  void tend(Running& running);
  void keep_house();
  void say(const std::string& sentence);

  JobStore& store_;
  const Work& work_;
  const QueueOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false, stopping_ = false;  // guarded by mutex_
  std::list<Running> running_;             // guarded by mutex_; entries live until they are joined
  std::chrono::steady_clock::time_point next_house_{}, next_serving_{};  // of the loop
  std::string last_said_;                                                // guarded by mutex_
  std::thread thread_;
};

}  // namespace sagittal::hub
