#pragma once
#include <string>
#include <vector>

#include "server/api/session_access.h"
#include "server/http/response.h"

namespace sagittal::server {

/// The segments as a file: `format` is nii.gz, nii, nrrd, seg.nrrd. Error(bad_input) for another; Error(unsupported)
/// where the format cannot hold them.
http::Response result_response(const NativeTurn& native, const std::vector<NativeSegment>& segments,
                               const std::string& format, const std::string& name);

}  // namespace sagittal::server
