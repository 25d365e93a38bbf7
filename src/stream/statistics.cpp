#include "stream/statistics.h"

namespace sagittal::stream {

Json to_json(const Histogram& histogram) {
  const auto ms = [](auto duration_ns) { return static_cast<double>(duration_ns) / 1e6; };
  return {{"count", histogram.count()},
          {"mean_ms", ms(histogram.mean_ns())},
          {"min_ms", ms(histogram.min_ns())},
          {"p50_ms", ms(histogram.percentile_ns(50))},
          {"p90_ms", ms(histogram.percentile_ns(90))},
          {"p95_ms", ms(histogram.percentile_ns(95))},
          {"p99_ms", ms(histogram.percentile_ns(99))},
          {"p99_9_ms", ms(histogram.percentile_ns(99.9))},
          {"max_ms", ms(histogram.max_ns())}};
}

Json to_json(const Statistics& statistics) {
  Json operators = Json::array(), flows = Json::array(), paths = Json::array();
  for (const OperatorStatistics& op : statistics.operators) {
    operators.push_back({{"name", op.name},
                         {"type", op.type},
                         {"state", op.state},
                         {"runs", op.runs},
                         {"errors", op.errors},
                         {"last_error", op.last_error.empty() ? Json() : Json(op.last_error)},
                         {"compute", to_json(op.compute)},
                         {"counters", op.counters},
                         {"counters_age_s", static_cast<double>(op.counters_age.count()) / 1e9},
                         {"parameters", op.parameters}});
  }
  for (const FlowStatistics& flow : statistics.flows) {
    flows.push_back({{"flow", flow.flow},
                     {"type", flow.type},
                     {"capacity", flow.queue.capacity},
                     {"when_full", name_of(flow.queue.when_full)},
                     {"sent", flow.counters.sent},
                     {"taken", flow.counters.taken},
                     {"dropped", flow.counters.dropped},
                     {"waiting", flow.counters.waiting},
                     {"most_waiting", flow.counters.most_waiting}});
  }
  for (const PathStatistics& path : statistics.paths) {
    paths.push_back({{"path", path.path}, {"messages", path.messages}, {"latency", to_json(path.latency)}});
  }
  return {{"state", statistics.state},
          {"elapsed_s", static_cast<double>(statistics.elapsed.count()) / 1e9},
          {"operators", std::move(operators)},
          {"flows", std::move(flows)},
          {"paths", std::move(paths)}};
}

}  // namespace sagittal::stream
