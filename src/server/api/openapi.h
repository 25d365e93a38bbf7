#pragma once
#include <vector>

#include "base/json.h"
#include "server/http/router.h"

namespace sagittal::server {

/// The OpenAPI 3.1 document of the routes below /api/v1, from their own descriptions.
Json describe_routes(const std::vector<http::Route>& routes);

/// The schemas that descriptions name: JSON Schema by name.
Json api_schemas();

}  // namespace sagittal::server
