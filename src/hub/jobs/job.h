#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace sagittal::hub {

/// `interrupted`: who ran it is gone; it waits to be run once more. The first five come in their order; from the next
/// three no job comes back.
enum class JobState { queued, pulling, staging, running, collecting, done, failed, cancelled, interrupted };

std::string_view name_of(JobState state);
/// Error(bad_input) for a name that is none.
JobState job_state_from_name(std::string_view name);
bool has_ended(JobState state);
/// Queued or interrupted.
bool is_waiting(JobState state);
/// What people see of a running job, by the first word of the stage that its work reports.
JobState state_of_stage(std::string_view stage);

/// What a person is told of an input instead of its path.
struct JobInputText {
  std::string role = {};
  std::string description = {};
  std::string volume = {};  ///< the server's id of the image; empty: it has none
  std::string series = {};  ///< of that image, or where there is none the server's id of the scan
};

/// A job as it stands in the list of all. Times are milliseconds since 1970, 0: not yet.
struct Job {
  std::string id = {};
  std::string owner = {};  ///< whose API key asked; empty: no keys, or the command line
  std::string model = {}, title = {}, source = {}, workflow = {}, backend = {}, on = {};
  std::vector<JobInputText> inputs = {};
  JobState state = JobState::queued;
  std::string stage = {};
  double fraction = 0;  ///< of the stage
  std::int64_t created_ms = 0, started_ms = 0, ended_ms = 0;
  int attempts = 0;  ///< how often it was begun
  std::optional<Error> error = {};
  std::vector<std::string> notes = {};
  Json outputs = Json::array();  ///< as in work_json.h, each with its "bytes"
  std::uint64_t bytes = 0;       ///< of its folder, once it has ended
  int place = 0;                 ///< in the queue, from 1; 0: it does not wait
  std::int64_t version = 0;      ///< goes up with each change
};

/// All of it, as the native API says it, without `record`.
Json job_json(const Job& job);

/// "2026-01-31T12:00:00Z", null for 0.
Json time_json(std::int64_t ms);

}  // namespace sagittal::hub
