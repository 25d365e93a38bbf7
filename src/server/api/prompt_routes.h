#pragma once
#include <memory>
#include <vector>

#include "server/api/session_access.h"
#include "server/http/router.h"

namespace sagittal::server {

/// /api/v1/sessions/{id}/segments/{n}: prompts, undo, redo and reset, and masks.
std::vector<http::Route> prompt_routes(const std::shared_ptr<SessionAccess>& access);

}  // namespace sagittal::server
