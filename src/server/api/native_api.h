#pragma once
#include <vector>

#include "server/api/services.h"
#include "server/http/router.h"

namespace sagittal::server {

/// The native API, /api/v1.
std::vector<http::Route> native_api_routes(const ApiServices& services);

/// /api/v1/openapi.json: describes those of `routes`, the whole server's, that are below /api/v1.
http::Route openapi_route(const std::vector<http::Route>& routes);

}  // namespace sagittal::server
