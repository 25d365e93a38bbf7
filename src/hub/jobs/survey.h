#pragma once
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

namespace sagittal::hub {

/// One way to run strangers' programs, or the way to a cluster, as it is on this machine now.
struct Backend {
  std::string name;     ///< docker, podman, apptainer, bubblewrap, runc, environment or slurm
  bool is_there;        ///< its program is installed
  bool works;           ///< and answered, or could be tried
  std::string found{};  ///< program and version, or why it does not work
  std::string mend{};   ///< a command or an action; empty where it works
};

/// Asks each of them, side by side; takes at most some seconds, where one does not answer.
std::vector<Backend> survey_backends();

/// What runs an image where nobody chose: the first engine that works, or bubblewrap where no engine is there. Empty:
/// nothing does.
std::string best_backend(const std::vector<Backend>& all);

/// The survey, for callers that come often: whatever is older than a minute is asked again. Any thread.
class BackendSurvey {
 public:
  /// Answers at once, but for the first time and once a minute: then one caller waits for the engines. Those who ask
  /// meanwhile get what was known.
  std::vector<Backend> backends();

 private:
  using Clock = std::chrono::steady_clock;
  bool is_fresh() const;

  std::mutex asking_;
  mutable std::mutex mutex_;
  std::vector<Backend> known_;    // guarded by mutex_
  Clock::time_point known_at_{};  // guarded by mutex_
};

}  // namespace sagittal::hub
