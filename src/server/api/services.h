#pragma once
#include "server/api/volume_shelf.h"
#include "server/api/volume_uploads.h"
#include "server/state/events.h"
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
  Events* events = nullptr;  ///< null: nobody can listen
};

}  // namespace sagittal::server
