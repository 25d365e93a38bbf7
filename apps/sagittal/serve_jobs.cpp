#include "serve_jobs.h"

#include <algorithm>

#include "base/machine.h"
#include "hub/runners/process.h"

namespace sagittal {
namespace {

hub::QueueOptions queue_options(const ServeOptions& options, const CancelToken& leaving, const LogSink& log) {
  const Machine machine = inspect_machine();
  hub::QueueOptions queue;
  // The other half is for images and clicks.
  queue.capacity = {machine.memory_limit_bytes / 2, static_cast<double>(machine.cores), 64};
  queue.keep = std::chrono::hours(24 * options.keep_jobs_days);
  queue.most_bytes = options.jobs_limit;
  queue.leaving = leaving;
  queue.log = log;
  return queue;
}

hub::Limits limits_of(const ServeOptions& options) {
  hub::Limits limits = default_limits();
  limits.memory_bytes = std::min(limits.memory_bytes, inspect_machine().memory_limit_bytes / 2);
  if (options.job_memory > 0) limits.memory_bytes = options.job_memory;
  if (options.job_cpus > 0) limits.cpus = options.job_cpus;
  return limits;
}

}  // namespace

ServeJobs::ServeJobs(const ServeOptions& options, hub::Hub& hub, server::VolumeShelf& volumes,
                     const server::Studies& studies, server::Events& events, const CancelToken& stop,
                     const LogSink& log)
    : store_(options.model.data_directory, log),
      memory_(options.model.data_directory),
      work_(options.model.data_directory, true, leaving_, options.model.device),
      queue_(store_, work_, queue_options(options, leaving_, log)),
      events_(store_, events),
      services_{.store = store_,
                .memory = memory_,
                .hub = hub,
                .events = events_,
                .backends = backends_,
                .volumes = volumes,
                .studies = studies,
                .wake = [this] { queue_.wake(); },
                .limits = limits_of(options),
                .most_unfinished = options.max_jobs_per_user,
                .most_bytes = options.jobs_limit_per_user,
                .slurm = hub::find_program("sbatch").has_value(),
                .stop = stop} {}

void ServeJobs::describe(server::Metrics& metrics) const {
  metrics.describe("sagittal_jobs", "Runs of models that this server's data folder holds, by their state.");
  using State = hub::JobState;
  for (const State state : {State::queued, State::pulling, State::staging, State::running, State::collecting,
                            State::done, State::failed, State::cancelled, State::interrupted}) {
    metrics.gauge("sagittal_jobs", {{"state", std::string(name_of(state))}}, [this, state] {
      const auto counts = store_.counts();
      const auto found = counts.find(state);
      return found == counts.end() ? 0.0 : static_cast<double>(found->second);
    });
  }
}

}  // namespace sagittal
