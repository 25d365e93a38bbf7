#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"

namespace sagittal::hub {

/// What a node is to do, and what it needs for that.
struct SlurmJob {
  std::string name;                  ///< [a-z0-9-]+, unlike that of any other job of this user: `Slurm::find` needs it
  std::vector<std::string> command;  ///< the first an absolute path; no shell reads any of it
  std::filesystem::path folder;      ///< where it starts; absolute, and the same folder on the nodes
  std::filesystem::path log;         ///< both outputs, appended; absolute, seen by the nodes, of a folder that exists
  std::uint64_t memory_bytes = std::uint64_t{8} << 30;
  int cpus = 1;
  int gpus = 0;  ///< any of the node's; CUDA_VISIBLE_DEVICES says which
  std::chrono::minutes time{120};
  std::string partition = {}, account = {};   ///< empty: the cluster's own choice
  std::vector<std::string> options = {};      ///< more of sbatch, "--NAME" or "--NAME=VALUE": see `slurm_options()`
  std::vector<std::string> environment = {};  ///< "NAME=value", besides PATH, HOME, USER, LOGNAME and LANG of here
};

/// What a job's state is, as far as Slurm says.
struct SlurmState {
  enum class Kind {
    pending,    ///< waits; `reason` says for what
    running,    ///< has a node, also while it is being ended
    done,       ///< ended with status 0
    failed,     ///< ended with another one
    cancelled,  ///< by its owner or an administrator
    timed_out,
    out_of_memory,
    node_lost,  ///< the node failed, or was taken away for somebody else's job
    forgotten,  ///< Slurm no longer knows: what the job wrote tells how it ended
    unknown,    ///< Slurm did not answer: nothing is said about the job; ask again
  };
  Kind kind = Kind::unknown;
  int status = 0;           ///< of `failed`: 1 to 255, 128 + n for signal n
  std::string reason = {};  ///< for people, may be empty

  /// Whether it will stay like this. False for `unknown`.
  bool ended() const;
  bool operator==(const SlurmState&) const = default;
};

/// For people: "waits until memory or processors are free (Resources)", "needed more memory than it had asked for".
std::string describe(const SlurmState& state);

/// Names of sbatch's options that `SlurmJob::options` may hold: those that choose a place, none that choose what runs,
/// as whom, or where its output goes.
const std::vector<std::string>& slurm_options();

/// Error(bad_input) for what sbatch should not be given.
void check(const SlurmJob& job);

/// What sbatch is told, without its program. Source: sbatch(1) of Slurm 22.05.
std::vector<std::string> sbatch_arguments(const SlurmJob& job, const std::filesystem::path& script);

/// The script that becomes the job's command. The program gets SIGTERM, and after the cluster's KillWait SIGKILL, when
/// the job is cancelled or its time is over: what is no child of it must be ended by it then.
std::string batch_script(const SlurmJob& job);

/// Sends jobs to a cluster by the user's own sbatch, squeue, sacct and scancel. Nothing is kept here: a job is followed
/// by its id, also by another process. Any thread.
class Slurm {
 public:
  /// `folder`: where its programs are; empty: looked up in PATH. Error(not_found) without sbatch, squeue or scancel.
  explicit Slurm(const std::filesystem::path& folder = {});

  /// "slurm 22.05.8". Error(unavailable) where the controller does not answer within `time_limit`.
  std::string version(std::chrono::seconds time_limit = std::chrono::seconds(30)) const;

  /// The new job's id. Error(bad_input) where Slurm says no, with its words; Error(unavailable) where it does not
  /// answer: then ask `find` later, since the job may have come through.
  std::string submit(const SlurmJob& job, const CancelToken& cancel) const;

  /// The id of this user's newest job of that name; nothing where Slurm knows none. Error(unavailable).
  std::optional<std::string> find(const std::string& name) const;

  /// Never fails for want of an answer: that is `unknown`. Error(bad_input) for what is no id.
  SlurmState state(const std::string& id) const;

  /// Cancels and returns once the job is over, with the state it has then. Error(unavailable) where Slurm does not
  /// answer, or the job is still there after two minutes.
  SlurmState cancel(const std::string& id) const;

  /// Waits until the job is over and answers how it ended. `on_state`: each change, from the calling thread. Once
  /// `cancel` was called the job is cancelled too, and Error(cancelled) is thrown; to leave a job to itself, ask
  /// `state`.
  SlurmState follow(const std::string& id, const std::function<void(const SlurmState&)>& on_state,
                    const CancelToken& cancel) const;

 private:
  const std::filesystem::path sbatch_, squeue_, scancel_;
  const std::optional<std::filesystem::path> sacct_;
};

}  // namespace sagittal::hub
