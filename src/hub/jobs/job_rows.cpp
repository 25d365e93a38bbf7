#include "hub/jobs/job_rows.h"

#include <chrono>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "store/schema.h"

namespace sagittal::hub {

using durable::Statement;
using durable::Transaction;

namespace {

/// Of jobs.db.
constexpr const char* kSteps[] = {R"(
  CREATE TABLE job (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, model TEXT NOT NULL,
    title TEXT NOT NULL, source TEXT NOT NULL, workflow TEXT NOT NULL, backend TEXT NOT NULL, place TEXT NOT NULL,
    inputs TEXT NOT NULL, state TEXT NOT NULL, stage TEXT NOT NULL DEFAULT '', permille INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL, started INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
    notes TEXT NOT NULL DEFAULT '[]', outputs TEXT NOT NULL DEFAULT '[]', bytes INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1, cancel INTEGER NOT NULL DEFAULT 0, holder TEXT NOT NULL DEFAULT '',
    lease INTEGER NOT NULL DEFAULT 0, reserved TEXT NOT NULL DEFAULT '', memory INTEGER NOT NULL,
    millicpus INTEGER NOT NULL);
  CREATE INDEX job_state ON job (state, seq);
  CREATE TABLE serving (holder TEXT PRIMARY KEY, lease INTEGER NOT NULL);)"};

std::optional<Error> error_of(const std::string& code, const std::string& message) {
  for (int n = 0; n <= static_cast<int>(ErrorCode::internal); ++n) {
    if (describe(static_cast<ErrorCode>(n)).name == code) return Error(static_cast<ErrorCode>(n), message);
  }
  return std::nullopt;
}

}  // namespace

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::int64_t wall_clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::unique_ptr<durable::Database> open_jobs(const std::filesystem::path& file, const LogSink& log) {
  try {
    auto database = std::make_unique<durable::Database>(file);
    durable::bring_up_to_date(*database, file, kSteps, log);
    return database;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::bad_input) throw;
    const std::string aside = fmt::format("{}.damaged-{}", file.string(), wall_clock_ms());
    std::filesystem::rename(file, aside);
    std::error_code ignored;
    for (const char* ending : {"-wal", "-shm"}) std::filesystem::remove(file.string() + ending, ignored);
    if (log) log(LogLevel::error, fmt::format("{}; it was put aside as {}, and jobs begin anew", error.what(), aside));
  }
  auto database = std::make_unique<durable::Database>(file);
  durable::bring_up_to_date(*database, file, kSteps, log);
  return database;
}

Job job_of(const Statement& row) {
  constexpr const char* what = "jobs.db";
  Job job;
  job.id = row.text(kId);
  job.owner = row.text(kOwner);
  job.model = row.text(kModel);
  job.title = row.text(kTitle);
  job.source = row.text(kSource);
  job.workflow = row.text(kWorkflow);
  job.backend = row.text(kBackend);
  job.on = row.text(kPlace);
  using Lists = std::vector<std::vector<std::string>>;
  for (auto& list : json_get<Lists>(Json{{"inputs", parse_json(row.text(kInputs), what)}}, "inputs", what)) {
    list.resize(4);
    job.inputs.push_back({std::move(list[0]), std::move(list[1]), std::move(list[2]), std::move(list[3])});
  }
  job.state = job_state_from_name(row.text(kState));
  job.stage = row.text(kStage);
  job.fraction = static_cast<double>(row.number(kPermille)) / 1000;
  job.created_ms = row.number(kCreated);
  job.started_ms = row.number(kStarted);
  job.ended_ms = row.number(kEnded);
  job.attempts = static_cast<int>(row.number(kAttempts));
  job.error = error_of(row.text(kCode), row.text(kMessage));
  job.notes = json_get<std::vector<std::string>>(Json{{"notes", parse_json(row.text(kNotes), what)}}, "notes", what);
  job.outputs = parse_json(row.text(kOutputs), what);
  job.bytes = static_cast<std::uint64_t>(row.number(kBytes));
  job.version = row.number(kVersion);
  job.place = static_cast<int>(row.number(kInQueue));
  return job;
}

}  // namespace sagittal::hub
