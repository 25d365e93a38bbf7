#pragma once
#include <span>
#include <vector>

#include "server/http/router.h"
#include "server/viewer_files.h"

namespace sagittal::server {

/// `GET` of the viewer's files: open to everybody (what they show is asked of the API, with its keys), cached for ever
/// where the name holds a hash, answered with 304 where the client has them. `files` must outlive the routes.
std::vector<http::Route> viewer_routes(std::span<const ViewerFile> files);

}  // namespace sagittal::server
