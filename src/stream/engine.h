#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "stream/async_state.h"
#include "stream/run.h"

namespace sagittal::stream {

/// Whether an operator may run. What comes last in the list wins where several conditions are asked.
struct Readiness {
  enum class Kind { ready, at, wait, event, never };
  Kind kind = Kind::ready;
  SteadyTime time = 0;  ///< of `at`

  Readiness both(const Readiness& other) const;
  Readiness either(const Readiness& other) const;
};

/// What stands behind `PipelineRun`: one mutex, a list of the operators that are ready, threads that take from it. An
/// operator's readiness is asked anew whenever something happened that may have changed it, and when its time has come.
class Engine final : public PortHost, public RunControl {
 public:
  Engine(Graph graph, RunOptions options);
  ~Engine();

  void stop(Ending ending, std::string_view why);
  const Outcome* wait_until(std::optional<std::chrono::steady_clock::time_point> deadline);
  Statistics statistics();
  std::optional<Message> latest(std::size_t flow) const;
  /// Does `job` between two runs of the operator, and waits for it.
  void ask(std::string_view op, std::function<void(Graph::Node&)> job);
  void set_parameter(std::string_view op, std::string_view parameter, const Json& value) override;
  Json command(std::string_view op, std::string_view name, const Json& arguments) override;
  void enable(std::string_view op, bool enabled) override;
  Json describe() override;
  void stop(std::string_view why) override { stop(Ending::stopped, why); }
  /// An event of this node was notified.
  void wake(std::size_t node);

  std::optional<Message> take(InputPort& port) override;
  std::size_t waiting(const InputPort& port) const override;
  void send(OutputPort& port, Message message) override;
  bool connected(const OutputPort& port) const override;

 private:
  struct Node;
  using Lock = std::unique_lock<std::mutex>;
  static constexpr std::size_t kMaxJobs = 64;  ///< that wait for one operator
  struct Job {
    std::function<void(Graph::Node&)> work;
    std::promise<std::optional<Error>> done;
    std::optional<Error> failure = {};
  };

  void bind();
  void start_all();
  void stop_all();
  void work();
  void run(Node& node, Lock& lock);
  void compute(Node& node, Lock& lock);
  void do_jobs(Node& node, Lock& lock);
  void finish(Node& node, Lock& lock);
  void fail(Node& node, Error error);
  void consider(std::size_t node);
  void queue(Node& node);
  void count_anew(Node& node);
  void consider_due(SteadyTime now);
  bool sleep(Lock& lock);
  void end(Ending ending, std::string_view why, std::optional<Error> error = {});
  std::string describe_deadlock() const;

  Readiness readiness(const Node& node, SteadyTime now) const;
  Readiness inputs_ready(const Node& node, SteadyTime now) const;
  Readiness input_ready(const Node& node, const InputPort& port, SteadyTime now) const;
  bool may_come(const Node& node, std::size_t port) const;
  bool outputs_have_room(const Node& node) const;
  void track_end(Node& node);
  Node& find(std::string_view name);

  Graph graph_;
  const RunOptions options_;
  Clock clock_;
  FramePool frames_;
  CancelToken cancel_;
  std::unique_ptr<FlowTracker> tracker_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::size_t> order_;  // sources first

  mutable std::mutex mutex_;
  std::condition_variable wake_, ended_;
  std::vector<Queue> queues_;                   // as graph_.flows(); guarded by mutex_, as all below
  std::vector<std::optional<Message>> latest_;  // as queues_; empty where they are not kept
  std::deque<std::size_t> ready_;
  int idle_ = 0, running_ = 0, threads_left_ = 0;
  std::optional<SteadyTime> deadline_, deadlock_since_;
  bool ending_ = false, all_stopped_ = false;
  Outcome outcome_;
  SteadyTime began_ = 0, over_ = 0;
  std::vector<std::thread> threads_;
};

/// An operator as it runs. What `compute` touches belongs to the thread that runs it; the rest to the engine's mutex.
struct Engine::Node final : Context {
  Node(Engine& owner, std::size_t number, Graph::Node& its_part) : engine(owner), index(number), part(its_part) {}

  const std::string& name() const override { return part.name; }
  SteadyTime now() const override { return engine.clock_.now(); }
  UtcTime utc_now() const override { return engine.clock_.utc_now(); }
  FramePool& frames() override { return engine.frames_; }
  void log(LogLevel level, std::string_view text) override;
  void not_before(SteadyTime time) override { earliest = time; }
  void finish() override { finished = true; }
  void stop_all(std::string_view why) override { engine.stop(Ending::stopped, why); }
  CancelToken ending() const override { return engine.cancel_; }
  RunControl& control() override { return engine; }

  Engine& engine;
  const std::size_t index;
  Graph::Node& part;
  std::vector<std::vector<std::size_t>> in, out;  ///< queues of each port
  std::vector<std::size_t> turn;                  ///< of each input: which queue is next
  bool in_circle = false;                         ///< what it sends may come back to it
  bool is_end = false;                            ///< sends to nobody

  enum class State { idle, queued, running, done } state = State::idle;
  bool started = false, enabled = true, finished = false;
  std::optional<Beat> beat;
  SteadyTime earliest = 0;
  std::optional<SteadyTime> due;  ///< when its readiness is to be asked again
  std::deque<Job> jobs;
  std::uint64_t runs = 0, errors = 0;
  std::string last_error;
  Histogram durations;
  Json counters = Json::object(), parameters = Json::object();
  SteadyTime counted = 0;  ///< when `counters` were asked for

  /// Calls the operator; what it throws and counts is kept in `stopped`. Without the mutex.
  void stop_operator();
  /// With the mutex.
  void count(Json found, SteadyTime now);
  /// No run and no job any more. With the mutex.
  void close(std::string_view why);
  struct {
    Json counters;
    std::optional<Error> error;
  } stopped;

  std::vector<std::shared_ptr<const Hop>> taken;  ///< by this run of compute
  UtcTime received = 0;
};

}  // namespace sagittal::stream
