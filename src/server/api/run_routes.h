#pragma once
#include <vector>

#include "server/api/job_routes.h"

namespace sagittal::server {

/// What has to be known before a job is posted: /api/v1/hub/models/{name}/inputs and /api/v1/hub/backends.
std::vector<http::Route> run_routes(const JobServices& services);

}  // namespace sagittal::server
