#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "hub/jobs/holder.h"
#include "hub/jobs/job.h"
#include "hub/jobs/work_json.h"
#include "store/database.h"

namespace sagittal::hub {

/// What of a machine the running jobs may take together; the only one may take more.
struct JobCapacity {
  std::uint64_t memory_bytes = 0;
  double cpus = 1;
  int jobs = 8;
};

/// The jobs of a data folder: `jobs.db`, and a folder for each in `jobs`. Several processes share it; a job is run by
/// one at a time, which holds it by a lease that it renews. What a call has done is on the disk when it returns.
/// Error(io) for a full or failing disk. Any thread.
class JobStore {
 public:
  /// Another clock is for tests. A damaged database is put aside, told to `log`.
  explicit JobStore(const std::filesystem::path& data_folder, const LogSink& log = {},
                    std::function<std::int64_t()> now_ms = {});

  static constexpr std::chrono::seconds kLease{60};

  struct Submission {
    JobRequest request;
    std::string owner = {}, title = {};
    std::vector<JobInputText> inputs = {};  ///< empty: the names of the paths
    bool for_me = false;                    ///< no other process may run it while this one lives
    std::size_t most_unfinished = 0;        ///< of this owner; 0: any number
    std::uint64_t most_bytes = 0;           ///< kept for this owner; 0: any
    /// Puts files that came with it into `<folder>/given`, and may change the request's paths.
    std::function<void(const std::filesystem::path& folder, JobRequest& request)> fill = {};
  };
  /// Queues a job. Error(bad_input) for a request that is none, Error(unavailable) beyond the owner's limits.
  Job submit(const Submission& submission);

  /// Newest first; of one owner where that is given.
  std::vector<Job> list(const std::optional<std::string>& owner = {}, std::size_t most = 1000) const;
  /// Error(not_found), also for the job of another owner where one is given.
  Job get(const std::string& id, const std::optional<std::string>& owner = {}) const;
  std::map<JobState, std::size_t> counts() const;

  std::filesystem::path folder_of(const std::string& id) const { return jobs_ / id; }
  JobRequest request_of(const std::string& id) const;
  /// The record of an ended job; null where it left none.
  Json record_of(const std::string& id) const;
  std::filesystem::path log_of(const std::string& id) const { return jobs_ / id / "log.txt"; }

  /// A waiting job is over at once; of a running one, who runs it is told. Error(conflict) where it has ended.
  void cancel(const std::string& id);
  /// Forgets an ended job and its files; answers their bytes. Error(conflict) for another.
  std::uint64_t remove(const std::string& id);
  /// Removes ended jobs that are older than `keep`, then the oldest ended ones until all files take at most
  /// `most_bytes` (0: any number). Unfinished ones stay. Answers how many.
  std::size_t expire(std::chrono::milliseconds keep, std::uint64_t most_bytes);

  // For who runs jobs.

  /// Jobs whose holder is gone end as their record says; without one they are `interrupted` and wait to be run again,
  /// at the second time they have failed.
  void recover();
  /// The next that may run here and now, or the one of that id; it is then held by this process.
  std::optional<Job> claim(const JobCapacity& capacity, const std::string& only = {});
  enum class Hold { mine, stop, lost };
  /// Renews the lease and keeps how far the job is. `stop`: somebody cancelled it; `lost`: another process has it.
  Hold renew(const std::string& id, std::string_view stage, double fraction);
  /// Gives a job back to be run again; this does not count as an attempt.
  void release(const std::string& id);
  /// The job's end; its record and outputs are there, what was staged is removed. False where it is another's by now.
  bool finish(const std::string& id, const WorkEnd& end);

  /// Tells others that this process runs whatever job comes.
  void serve();
  bool somebody_serves() const;

 private:
  bool holds(const std::string& id) const;
  bool is_holder_gone(const std::string& holder, std::int64_t lease_ms) const;
  void remove_orphans();
  void settle(const std::string& id, const WorkEnd& end);
  std::string message_of(const std::string& id, const Error& error) const;
  std::vector<Job> read(const char* sql, const std::vector<std::string>& texts) const;

  const std::filesystem::path jobs_;
  const LogSink log_;
  const std::function<std::int64_t()> now_ms_;
  mutable std::mutex mutex_;
  std::unique_ptr<durable::Database> database_;  // guarded by mutex_
  const Holder holder_;
};

}  // namespace sagittal::hub
