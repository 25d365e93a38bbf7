#pragma once
#include <vector>

#include "server/api/services.h"
#include "server/http/router.h"

namespace sagittal::server {

/// The native API, /api/v1.
std::vector<http::Route> native_api_routes(const ApiServices& services);

}  // namespace sagittal::server
