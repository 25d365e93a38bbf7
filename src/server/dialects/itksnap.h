#pragma once
#include <vector>

#include "server/http/router.h"
#include "server/state/leases.h"
#include "server/state/metrics.h"
#include "server/state/sessions.h"

namespace sagittal::server {

/// The protocol of itksnap-dls, as ITK-SNAP 4.4 speaks it: its first form and "v2".
///
/// A client starts a session, uploads its image as gzipped float32, x fastest, and sends prompts with the session's id
/// in the path. An answer is the whole mask: base64 of gzipped bytes 0 and 1; it replaces the label. A drawing with
/// nothing in it, which ITK-SNAP sends where all of it has the label already, is answered with the mask as it is.
/// Errors are a status other than 200 and one line of text. ITK-SNAP neither uploads again nor says that it lives, so a
/// session stays until its place is needed: `leases` should have a liveness as long as its idle time, and be used by no
/// other dialect. `sessions`, `leases` and `metrics` must outlive the routes.
std::vector<http::Route> itksnap_routes(Sessions& sessions, Leases& leases, Metrics& metrics,
                                        const UploadLimits& limits = {});

}  // namespace sagittal::server
