#pragma once
#include <vector>

#include "hub/hub.h"
#include "server/http/router.h"

namespace sagittal::server {

/// /api/v1/hub/models: the models to find, and all about one. `hub` must outlive the routes.
std::vector<http::Route> hub_routes(hub::Hub& hub);

}  // namespace sagittal::server
