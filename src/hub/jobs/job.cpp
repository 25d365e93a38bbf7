#include "hub/jobs/job.h"

#include <array>
#include <ctime>

#include <fmt/format.h>

namespace sagittal::hub {
namespace {

constexpr std::array<std::string_view, 9> kNames{"queued", "pulling", "staging",   "running",    "collecting",
                                                 "done",   "failed",  "cancelled", "interrupted"};

}  // namespace

std::string_view name_of(JobState state) { return kNames[static_cast<std::size_t>(state)]; }

JobState job_state_from_name(std::string_view name) {
  for (std::size_t n = 0; n < kNames.size(); ++n) {
    if (kNames[n] == name) return static_cast<JobState>(n);
  }
  throw Error(ErrorCode::bad_input, fmt::format("\"{}\" is no state of a job", name));
}

bool has_ended(JobState state) {
  return state == JobState::done || state == JobState::failed || state == JobState::cancelled;
}

bool is_waiting(JobState state) { return state == JobState::queued || state == JobState::interrupted; }

JobState state_of_stage(std::string_view stage) {
  const std::string_view word = stage.substr(0, stage.find(' '));
  for (const JobState state : {JobState::pulling, JobState::staging, JobState::collecting}) {
    if (word == name_of(state)) return state;
  }
  return JobState::running;
}

Json time_json(std::int64_t ms) {
  if (ms <= 0) return nullptr;
  const auto seconds = static_cast<std::time_t>(ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return std::string(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
}

Json job_json(const Job& job) {
  Json inputs = Json::array();
  for (const JobInputText& input : job.inputs)
    inputs.push_back({{"role", input.role},
                      {"description", input.description},
                      {"volume", input.volume.empty() ? Json() : Json(input.volume)},
                      {"series", input.series.empty() ? Json() : Json(input.series)}});
  const Json error =
      job.error ? Json{{"code", describe(job.error->code()).name}, {"message", job.error->what()}} : Json();
  return {{"id", job.id},
          {"model", job.model},
          {"title", job.title},
          {"source", job.source},
          {"workflow", job.workflow},
          {"backend", job.backend},
          {"on", job.on},
          {"state", name_of(job.state)},
          {"stage", job.stage},
          {"fraction", job.fraction},
          {"place", job.place > 0 ? Json(job.place) : Json()},
          {"created", time_json(job.created_ms)},
          {"started", time_json(job.started_ms)},
          {"ended", time_json(job.ended_ms)},
          {"notes", job.notes},
          {"error", error},
          {"outputs", job.outputs},
          {"bytes", job.bytes},
          {"inputs", inputs}};
}

}  // namespace sagittal::hub
