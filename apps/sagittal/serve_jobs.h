#pragma once
#include <memory>

#include "base/log.h"
#include "hub/hub.h"
#include "hub/jobs/job_queue.h"
#include "model_work.h"
#include "serve_options.h"
#include "server/api/job_routes.h"
#include "server/state/metrics.h"

namespace sagittal {

/// What a server needs to run jobs; all that it is given outlives it.
class ServeJobs {
 public:
  ServeJobs(const ServeOptions& options, hub::Hub& hub, server::VolumeShelf& volumes, const server::Studies& studies,
            server::Events& events, const CancelToken& stop, const LogSink& log);

  const server::JobServices& services() const { return services_; }
  void describe(server::Metrics& metrics) const;
  /// What runs is stopped and begun again by the next server.
  void stop() { queue_.stop(); }

 private:
  hub::JobStore store_;
  hub::RunMemory memory_;
  const CancelToken leaving_;
  const PlacedWork work_;
  hub::JobQueue queue_;
  server::JobEvents events_;
  hub::BackendSurvey backends_;
  const server::JobServices services_;
};

}  // namespace sagittal
