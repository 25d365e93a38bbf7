#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/json.h"
#include "base/log.h"
#include "hub/jobs/job.h"
#include "store/database.h"

namespace sagittal::hub {

/// The table of jobs, as `JobStore` reads it.

inline constexpr const char* kJobColumns =
    "SELECT id, owner, model, title, source, workflow, backend, place, inputs, state, stage, permille, created, "
    "started, "
    "ended, attempts, code, message, notes, outputs, bytes, version, "
    "CASE WHEN state IN ('queued', 'interrupted') THEN (SELECT count(*) FROM job AS before WHERE before.seq <= job.seq "
    "AND before.state IN ('queued', 'interrupted')) ELSE 0 END, holder, lease, reserved, memory, millicpus FROM job ";
enum JobColumn {
  kId,
  kOwner,
  kModel,
  kTitle,
  kSource,
  kWorkflow,
  kBackend,
  kPlace,
  kInputs,
  kState,
  kStage,
  kPermille,
  kCreated,
  kStarted,
  kEnded,
  kAttempts,
  kCode,
  kMessage,
  kNotes,
  kOutputs,
  kBytes,
  kVersion,
  kInQueue,
  kHolder,
  kLease,
  kReserved,
  kMemory,
  kMillicpus,
};

/// Opens the file or makes it. One that is damaged is put aside, told to `log`.
std::unique_ptr<durable::Database> open_jobs(const std::filesystem::path& file, const LogSink& log);

/// A row of `kJobColumns`. Error(bad_input) for what nobody here has written.
Job job_of(const durable::Statement& row);

std::int64_t wall_clock_ms();

/// For the table; texts may be no UTF-8.
std::string dump(const Json& json);

}  // namespace sagittal::hub
