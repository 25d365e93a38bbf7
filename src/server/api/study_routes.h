#pragma once
#include <vector>

#include "base/progress.h"
#include "server/api/volume_shelf.h"
#include "server/http/router.h"
#include "server/studies/studies.h"

namespace sagittal::server {

/// GET /studies, and POST /volumes?study=ID, which makes a scan of the server the caller's volume: to come before the
/// other routes of /volumes. `cancel` stops the fetching of scans. All of it must outlive the routes.
std::vector<http::Route> study_routes(const Studies& studies, VolumeShelf& volumes, const CancelToken& cancel);

}  // namespace sagittal::server
