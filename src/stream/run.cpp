#include "stream/run.h"

#include <utility>

#include <fmt/format.h>

#include "stream/engine.h"

namespace sagittal::stream {

std::string_view name_of(Ending ending) {
  switch (ending) {
    case Ending::finished:
      return "finished";
    case Ending::stopped:
      return "stopped";
    case Ending::time_limit:
      return "time limit";
    case Ending::deadlock:
      return "deadlock";
    case Ending::failed:
      break;
  }
  return "failed";
}

PipelineRun::PipelineRun(Graph graph, RunOptions options)
    : engine_(std::make_unique<Engine>(std::move(graph), std::move(options))) {}
PipelineRun::~PipelineRun() = default;

void PipelineRun::stop(std::string_view why) { engine_->stop(Ending::stopped, why); }
const Outcome& PipelineRun::wait() { return *engine_->wait_until({}); }
const Outcome* PipelineRun::wait_for(std::chrono::nanoseconds duration) {
  return engine_->wait_until(std::chrono::steady_clock::now() + duration);
}
Statistics PipelineRun::statistics() const { return engine_->statistics(); }
std::optional<Message> PipelineRun::latest(std::size_t flow) const { return engine_->latest(flow); }
void PipelineRun::enable(std::string_view op, bool enabled) { engine_->enable(op, enabled); }

void PipelineRun::set_parameter(std::string_view op, std::string_view name, const Json& value) {
  engine_->ask(op, [name = std::string(name), value](Graph::Node& node) {
    ParameterBase* parameter = node.setup.find_parameter(name);
    if (parameter == nullptr) {
      throw Error(ErrorCode::not_found, fmt::format("\"{}\" has no parameter \"{}\"", node.name, name));
    }
    if (parameter->is_fixed()) {
      throw Error(ErrorCode::conflict, fmt::format("parameter \"{}\" cannot change while the pipeline runs", name));
    }
    const Json before = parameter->value();
    parameter->set(value);
    try {
      node.op->parameters_changed();
    } catch (...) {
      parameter->set(before);
      node.op->parameters_changed();
      throw;
    }
  });
}

Json PipelineRun::command(std::string_view op, std::string_view name, const Json& arguments) {
  // Shared: an operator that is busy for long answers after this has returned.
  const auto answer = std::make_shared<Json>();
  engine_->ask(op, [name = std::string(name), arguments, answer](Graph::Node& node) {
    *answer = node.op->command(name, arguments);
  });
  return *answer;
}

}  // namespace sagittal::stream
