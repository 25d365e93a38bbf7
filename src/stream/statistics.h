#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "stream/flow_tracker.h"
#include "stream/histogram.h"
#include "stream/queue.h"

namespace sagittal::stream {

struct OperatorStatistics {
  std::string name, type;
  std::string state;  ///< "running", "waiting", "off", "done"
  std::uint64_t runs = 0, errors = 0;
  std::string last_error;
  Histogram compute;  ///< time of each run
  Json counters = Json::object();
  std::chrono::nanoseconds counters_age{0};
  Json parameters = Json::object();
};

struct FlowStatistics {
  std::string flow;  ///< "camera.out -> resize.in"
  std::string type;  ///< of what flows
  QueueOptions queue;
  QueueCounters counters;
};

/// How a run went until now.
struct Statistics {
  std::string state;  ///< "running" or how it ended
  std::chrono::nanoseconds elapsed{0};
  std::vector<OperatorStatistics> operators;
  std::vector<FlowStatistics> flows;
  std::vector<PathStatistics> paths;  ///< where flows are tracked
};

/// {"count", "mean_ms", "min_ms", "p50_ms", "p90_ms", "p95_ms", "p99_ms", "p99_9_ms", "max_ms"}
Json to_json(const Histogram& histogram);
Json to_json(const Statistics& statistics);

}  // namespace sagittal::stream
