#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace sagittal::server::http {

/// Whose work it is and what it costs.
struct WorkKind {
  std::string key = {};    ///< tasks of one key run one after the other in the order submitted
  std::string owner = {};  ///< owners take turns; empty: the key is its own
  bool heavy = false;      ///< computes long, e.g. a prediction
};

/// Threads for work that would hold up the network. Different keys run side by side; where several could run next, the
/// one whose owner had no turn for longest does. Heavy tasks leave some threads to the others, so that an upload never
/// waits behind predictions. Bounded: a full queue refuses, it never blocks the caller.
class WorkQueue {
 public:
  struct Limits {
    int threads = 4;
    int heavy = 2;                    ///< at most so many threads run heavy tasks
    std::size_t waiting = 1024;       ///< tasks not yet begun, all keys together
    std::size_t waiting_per_key = 8;  ///< of these, of one key
  };

  /// How long a task waited; called by its thread before it begins. Must not throw.
  using Waited = std::function<void(const WorkKind& kind, double seconds)>;

  explicit WorkQueue(const Limits& limits, Waited waited = {});
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;
  ~WorkQueue();

  /// False where the queue is full or stopped; `task` was then not kept. A task must not throw.
  bool submit(const WorkKind& kind, std::function<void()> task);

  std::size_t waiting() const;
  std::size_t running() const;
  std::size_t running_heavy() const;

  /// Drops the waiting tasks, returns when the running ones are done. Callable twice.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sagittal::server::http
