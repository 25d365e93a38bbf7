#pragma once
#include <vector>

#include "server/http/admission.h"
#include "server/http/router.h"
#include "server/state/leases.h"
#include "server/state/metrics.h"
#include "server/state/sessions.h"
#include "server/studies/saved_labels.h"
#include "server/studies/studies.h"

namespace sagittal::server {

/// The protocol of MONAI Label, as its module for 3D Slicer and its extension for OHIF speak it.
///
/// A client uploads an image file, as a session or into a datastore of its own, and sends with each request every click
/// on the segment so far (or all strokes as a label map). The same clicks in the same order give the same mask,
/// whatever was asked before: clicks that are new are added to those known, anything else starts the segment over.
/// Clicks outside the image are left out and counted. An answer is a whole NRRD file in the image's geometry. Errors
/// are {"detail"}, which the client shows. An image may also be a scan that the server offers, named by its
/// SeriesInstanceUID or its path; the next one without a result is the only strategy. Training is not offered.
///
/// `login` decides on the key that a person types as password; absent: nobody must log in.
/// `leases` should have a liveness as long as its idle time, and be used by no other dialect. Whatever is given by
/// reference must outlive the routes.
std::vector<http::Route> monai_label_routes(Sessions& sessions, Leases& leases, Metrics& metrics,
                                            const Studies& studies, SavedLabels& labels,
                                            const UploadLimits& limits = {}, http::Admit login = {});

}  // namespace sagittal::server
