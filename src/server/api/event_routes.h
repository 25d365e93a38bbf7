#pragma once
#include <memory>
#include <vector>

#include "server/api/session_access.h"
#include "server/http/router.h"

namespace sagittal::server {

/// /api/v1/sessions/{id}/events: a WebSocket that tells what happens in the session; none without `Events`.
std::vector<http::Route> event_routes(const std::shared_ptr<SessionAccess>& access);

}  // namespace sagittal::server
