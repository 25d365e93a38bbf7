#pragma once
#include <vector>

#include "server/api/services.h"
#include "server/http/router.h"

namespace sagittal::server {

/// /api/v1/volumes: upload, describe, list, remove, and the voxels for display.
std::vector<http::Route> volume_routes(const ApiServices& services);

}  // namespace sagittal::server
