#pragma once
#include <functional>
#include <string>

#include "base/json.h"
#include "server/api/volume_shelf.h"
#include "server/api/volume_uploads.h"
#include "server/state/leases.h"
#include "server/state/metrics.h"
#include "server/state/sessions.h"

namespace sagittal::server {

/// What the native API works with; all of it outlives the routes.
struct ApiServices {
  Sessions& sessions;
  Leases& leases;  ///< of kind "native": a session's id is a token of them
  VolumeShelf& volumes;
  VolumeUploads& uploads;
  Metrics& metrics;
  UploadLimits limits = {};
  /// Told what changed in the session of that id: the `events` of the API, by type "mask", "segments" and "closed".
  /// Called while the session is its caller's own; must return quickly. Empty: nobody listens.
  std::function<void(const std::string& session, const Json& event)> publish = {};
};

}  // namespace sagittal::server
