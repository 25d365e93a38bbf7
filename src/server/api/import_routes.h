#pragma once
#include <memory>
#include <vector>

#include "hub/jobs/job_store.h"
#include "server/api/session_access.h"
#include "server/http/router.h"

namespace sagittal::server {

/// /api/v1/sessions/{id}/segments/import: segments of a session from a job's results, names, colours and terms kept.
std::vector<http::Route> import_routes(const std::shared_ptr<SessionAccess>& access, const hub::JobStore& jobs);

}  // namespace sagittal::server
