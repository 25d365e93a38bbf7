#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "hub/hub.h"
#include "hub/jobs/job_store.h"
#include "hub/jobs/run_memory.h"
#include "hub/jobs/survey.h"
#include "server/api/job_events.h"
#include "server/api/volume_shelf.h"
#include "server/http/router.h"
#include "server/studies/studies.h"

namespace sagittal::server {

/// What the routes of jobs work with; all of it outlives them.
struct JobServices {
  hub::JobStore& store;
  hub::RunMemory& memory;
  hub::Hub& hub;
  JobEvents& events;
  hub::BackendSurvey& backends;
  VolumeShelf& volumes;
  const Studies& studies;
  std::function<void()> wake;       ///< the queue shall look now
  hub::Limits limits = {};          ///< of each job
  std::size_t most_unfinished = 0;  ///< of one owner; 0: any number
  std::uint64_t most_bytes = 0;     ///< kept for one owner; 0: any
  bool slurm = false;               ///< whether jobs can be sent to a cluster
  CancelToken stop = {};            ///< ends the fetching of scans
};

/// /api/v1/jobs: runs of the hub's models on scans that are here. A job belongs to the key that asked for it.
std::vector<http::Route> job_routes(const JobServices& services);

}  // namespace sagittal::server
