#include "server/viewer_files.h"

namespace sagittal::server {

std::span<const ViewerFile> viewer_files() { return {}; }

}  // namespace sagittal::server
