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

void PipelineRun::stop(std::string_view why) { engine_->stop(why); }
const Outcome& PipelineRun::wait() { return *engine_->wait_until({}); }
const Outcome* PipelineRun::wait_for(std::chrono::nanoseconds duration) {
  return engine_->wait_until(std::chrono::steady_clock::now() + duration);
}
Statistics PipelineRun::statistics() const { return engine_->statistics(); }
std::optional<Message> PipelineRun::latest(std::size_t flow) const { return engine_->latest(flow); }
void PipelineRun::enable(std::string_view op, bool enabled) { engine_->enable(op, enabled); }

void PipelineRun::set_parameter(std::string_view op, std::string_view name, const Json& value) {
  engine_->set_parameter(op, name, value);
}
Json PipelineRun::command(std::string_view op, std::string_view name, const Json& arguments) {
  return engine_->command(op, name, arguments);
}
RunControl& PipelineRun::control() { return *engine_; }

}  // namespace sagittal::stream
