#pragma once
#include <vector>

#include "server/http/router.h"
#include "server/state/metrics.h"
#include "server/state/sessions.h"

namespace sagittal::server {

/// The protocol of the nnInteractive extension of 3D Slicer, versions 0.1 to 0.3: six POST routes.
///
/// The client sends no session; it is known by path prefix, Basic user or address. Arrays are NumPy files [k, j, i]. An
/// answer to a prompt is the whole mask, `packbits` in C order, gzipped. Errors are HTTP 200 with
/// {"status":"error","message"}: the only text that the extension shows. `sessions` and `metrics` must outlive the
/// routes.
std::vector<http::Route> slicer_v0_routes(Sessions& sessions, Metrics& metrics, const UploadLimits& limits = {});

}  // namespace sagittal::server
