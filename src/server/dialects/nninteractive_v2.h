#pragma once
#include <vector>

#include "server/http/router.h"
#include "server/state/leases.h"
#include "server/state/metrics.h"
#include "server/state/sessions.h"

namespace sagittal::server {

/// The protocol of the nnInteractive v2 server and its client library (up to 2.6): a client claims a lease, sends it in
/// `X-Lease-Token`, and its parameters as JSON, in `X-Meta` where the body is an array (io/nnia.h). An answer to a
/// prompt is the box that was written, and what the mask holds there.
///
/// Beyond the original: undo goes back as far as the last reset, and a lease outlives its idle time until its place is
/// needed. Errors are {"detail": text}; 410 where the lease is over. `sessions`, `leases` and `metrics` must outlive
/// the routes, which come before those of dialects that share a path.
std::vector<http::Route> nninteractive_v2_routes(Sessions& sessions, Leases& leases, Metrics& metrics,
                                                 const UploadLimits& limits = {});

}  // namespace sagittal::server
