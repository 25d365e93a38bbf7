#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "hub/jobs/job_store.h"
#include "server/state/events.h"

namespace sagittal::server {

/// Tells listeners how a job goes on, whichever process runs it: what the store and the log say is looked at five times
/// a second, while somebody listens. Any thread; store and events outlive it.
class JobEvents {
 public:
  JobEvents(const hub::JobStore& store, Events& events,
            std::chrono::milliseconds period = std::chrono::milliseconds(200));
  JobEvents(const JobEvents&) = delete;
  JobEvents& operator=(const JobEvents&) = delete;
  ~JobEvents();

  /// Hears, once it is open, each change of the job from now on (look at it after this), each new line of its log, and
  /// {"type":"closed"} at its end. Of many lines at once only the last hundred; all are in the log.
  std::shared_ptr<Events::Listener> listen(const std::string& job, const std::string& owner);

 private:
  struct Watched {
    std::int64_t version = -1;
    std::uint64_t log_bytes = 0;
    std::uint64_t listened = 0;  ///< how often `listen` was called: who came while it was looked at is not forgotten
  };
  void loop();
  bool look(const std::string& job, Watched& watched);

  const hub::JobStore& store_;
  Events& events_;
  const std::chrono::milliseconds period_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Watched> watched_;  // guarded by mutex_
  bool stopping_ = false;                   // guarded by mutex_
  std::thread thread_;
};

/// What `Events` calls a job.
std::string job_channel(const std::string& job);

}  // namespace sagittal::server
