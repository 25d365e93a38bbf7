#include "stream_text.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include "stream/json_text.h"

namespace sagittal {
namespace {

using stream::Statistics;

double ms(double duration_ns) { return duration_ns / 1e6; }
double ms(std::int64_t duration_ns) { return static_cast<double>(duration_ns) / 1e6; }

std::string commands_text(const Json& described, std::string_view indent) {
  std::string text;
  for (const Json& command : described.at("commands")) {
    text += fmt::format("{}command {}: {}\n", indent, command.at("name").get<std::string>(),
                        command.at("description").get<std::string>());
  }
  return text;
}

std::size_t widest(const auto& all, const auto& text_of, std::size_t least) {
  for (const auto& one : all) least = std::max(least, text_of(one).size());
  return least;
}

}  // namespace

std::string stream_text(const Statistics& statistics) {
  const double seconds = std::max(1e-9, std::chrono::duration<double>(statistics.elapsed).count());
  const std::size_t names = widest(
      statistics.operators, [](const auto& op) { return op.name; }, 8);
  const std::size_t flows = widest(
      statistics.flows, [](const auto& flow) { return flow.flow; }, 4);
  std::string text = fmt::format("{:<{}} {:>10} {:>10} {:>9} {:>9} {:>9} {:>7}\n", "operator", names, "runs", "per s",
                                 "mean ms", "p99 ms", "max ms", "errors");
  for (const auto& op : statistics.operators) {
    text += fmt::format("{:<{}} {:>10} {:>10.1f} {:>9.3f} {:>9.3f} {:>9.3f} {:>7}\n", op.name, names, op.runs,
                        static_cast<double>(op.runs) / seconds, ms(op.compute.mean_ns()),
                        ms(op.compute.percentile_ns(99)), ms(op.compute.max_ns()), op.errors);
    if (!op.last_error.empty()) text += fmt::format("  last error: {}\n", op.last_error);
    if (!op.counters.empty()) text += fmt::format("  {}\n", stream::json_text(op.counters));
  }
  text += fmt::format("\n{:<{}} {:<10} {:>10} {:>10} {:>10} {:>12}\n", "flow", flows, "type", "sent", "taken",
                      "dropped", "most waiting");
  for (const auto& flow : statistics.flows) {
    text += fmt::format("{:<{}} {:<10} {:>10} {:>10} {:>10} {:>12}\n", flow.flow, flows, flow.type, flow.counters.sent,
                        flow.counters.taken, flow.counters.dropped, flow.counters.most_waiting);
  }
  for (const auto& path : statistics.paths) {
    text +=
        fmt::format("\n{}\n  {} messages; of {}: mean {:.3f} ms, p50 {:.3f}, p99 {:.3f}, max {:.3f}\n", path.path,
                    path.messages, path.latency.count(), ms(path.latency.mean_ns()), ms(path.latency.percentile_ns(50)),
                    ms(path.latency.percentile_ns(99)), ms(path.latency.max_ns()));
  }
  return text;
}

std::string stream_line(const Statistics& before, const Statistics& now) {
  const double seconds = std::max(1e-9, std::chrono::duration<double>(now.elapsed - before.elapsed).count());
  std::string line = fmt::format("{:.0f} s", std::chrono::duration<double>(now.elapsed).count());
  for (std::size_t n = 0; n < now.operators.size(); ++n) {
    const auto& op = now.operators[n];
    const std::uint64_t runs = op.runs - (n < before.operators.size() ? before.operators[n].runs : 0);
    line += fmt::format("  {} {:.1f}/s {:.1f} ms", op.name, static_cast<double>(runs) / seconds,
                        ms(op.compute.percentile_ns(50)));
  }
  std::uint64_t dropped = 0, errors = 0;
  for (const auto& flow : now.flows) dropped += flow.counters.dropped;
  for (const auto& op : now.operators) errors += op.errors;
  if (dropped > 0) line += fmt::format("  dropped {}", dropped);
  if (errors > 0) line += fmt::format("  errors {}", errors);
  return line;
}

std::string node_text(const stream::Graph::Node& node) {
  std::string text = fmt::format("{} ({})\n", node.name, node.type);
  const Json described = node.setup.describe();
  for (const Json& parameter : described.at("parameters")) {
    if (parameter.at("value") == parameter.at("default")) continue;
    text += fmt::format("    {} = {}: {}\n", parameter.at("name").get<std::string>(),
                        stream::json_text(parameter.at("value")), parameter.at("description").get<std::string>());
  }
  return text + commands_text(described, "    ");
}

std::string operator_text(const stream::OperatorType& type) {
  const Json described = stream::describe(type);
  std::string text = fmt::format("{}: {}\n", type.name, type.description);
  for (const char* ports : {"inputs", "outputs"}) {
    for (const Json& port : described.at(ports)) {
      text += fmt::format("  {} {} ({})\n", ports[0] == 'i' ? "in " : "out", port.at("name").get<std::string>(),
                          port.at("type").get<std::string>());
    }
  }
  for (const Json& parameter : described.at("parameters")) {
    text += fmt::format("  {} = {}: {} ({}{})\n", parameter.at("name").get<std::string>(),
                        stream::json_text(parameter.at("default")), parameter.at("description").get<std::string>(),
                        parameter.at("kind").get<std::string>(),
                        parameter.at("fixed").get<bool>() ? ", " + parameter.at("settable").get<std::string>() : "");
  }
  return text + commands_text(described, "  ");
}

}  // namespace sagittal
