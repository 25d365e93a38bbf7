#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/log.h"
#include "stream/clock.h"
#include "stream/flow_tracker.h"
#include "stream/frame.h"
#include "stream/graph.h"
#include "stream/statistics.h"

namespace sagittal::stream {

struct RunOptions {
  int threads = 1;  ///< 1: one operator at a time, those that are ready in turn; more: side by side, woken by events
  std::optional<std::chrono::nanoseconds> max_duration = {};
  bool stop_on_deadlock = true;                  ///< where nothing can ever run again: end; otherwise wait for `stop`
  std::chrono::nanoseconds deadlock_timeout{0};  ///< how long it must look so
  Clock::Kind clock = Clock::Kind::real;
  std::optional<FlowTrackerOptions> track_flows = {};
  bool keep_latest = false;  ///< of each flow one message, for who looks on
  LogSink log = {};
};

/// How a run ended.
enum class Ending {
  finished,  ///< all operators are done
  stopped,   ///< on request
  time_limit,
  deadlock,  ///< operators wait for each other
  failed,
};
std::string_view name_of(Ending ending);

struct Outcome {
  Ending ending = Ending::finished;
  std::string why;                  ///< for people; empty where there is nothing to say
  std::optional<Error> error = {};  ///< where it failed
};

/// A pipeline that runs, in threads of its own. Nothing of it polls: a thread sleeps until a message comes, a timer is
/// due or an event is notified. All functions from any thread but those of its operators.
class PipelineRun {
 public:
  /// Starts all operators, each before those that it sends to. What one of them throws is thrown here, behind its name;
  /// those that had started are stopped.
  PipelineRun(Graph graph, RunOptions options);
  /// Stops and waits.
  ~PipelineRun();

  /// Asks it to end: no operator runs again. Returns at once; harmless when it has ended.
  void stop(std::string_view why = "stopped");
  /// Until all operators have stopped.
  const Outcome& wait();
  /// Null where it has not ended in this time.
  const Outcome* wait_for(std::chrono::nanoseconds duration);

  Statistics statistics() const;
  /// What was sent last on a flow, by its number in the statistics; nothing where there was none yet, or where the
  /// latest are not kept.
  std::optional<Message> latest(std::size_t flow) const;

  /// As in `RunControl`.
  void set_parameter(std::string_view op, std::string_view parameter, const Json& value);
  Json command(std::string_view op, std::string_view name, const Json& arguments);
  void enable(std::string_view op, bool enabled);
  /// The same for who is not to end it; lives as long as this.
  RunControl& control();

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace sagittal::stream
