#pragma once
#include <memory>
#include <vector>

#include "server/api/session_access.h"
#include "server/http/router.h"

namespace sagittal::server {

/// /api/v1/sessions and their segments: open, list, describe, change, close.
std::vector<http::Route> session_routes(const std::shared_ptr<SessionAccess>& access);

}  // namespace sagittal::server
