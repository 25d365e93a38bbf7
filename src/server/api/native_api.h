#pragma once
#include <vector>

#include "server/api/services.h"
#include "server/http/router.h"

namespace sagittal::hub {
class Hub;
}

namespace sagittal::server {

struct JobServices;
struct StreamServices;

/// The native API, /api/v1. Without a hub there are no models to find, without jobs they cannot be run, without streams
/// no pipelines; all must outlive the routes.
std::vector<http::Route> native_api_routes(const ApiServices& services, hub::Hub* hub = nullptr,
                                           const JobServices* jobs = nullptr, const StreamServices* streams = nullptr);

/// /api/v1/openapi.json: describes those of `routes`, the whole server's, that are below /api/v1.
http::Route openapi_route(const std::vector<http::Route>& routes);

}  // namespace sagittal::server
