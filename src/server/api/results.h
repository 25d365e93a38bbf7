#pragma once
#include <string>
#include <vector>

#include "server/api/session_access.h"
#include "server/http/response.h"

namespace sagittal::server {

/// The segments as a file: `format` is nii.gz, nii, nrrd (3D Slicer's metadata), seg.dcm or stl. Error(bad_input) for
/// another; Error(unsupported) where the format cannot hold them.
http::Response result_response(const NativeTurn& native, const ApiServices& services,
                               const std::vector<NativeSegment>& segments, const std::string& format,
                               const std::string& name);

}  // namespace sagittal::server
