#pragma once
#include <memory>
#include <vector>

#include "base/log.h"
#include "serve_options.h"
#include "server/studies/studies.h"

namespace sagittal {

/// Where the scans come from that the server offers by itself: what the options name, else the example scans of
/// Debian's packages that are on this machine. `stop` ends searches of an archive. Error(not_found) for a folder that
/// is none, Error(wrong_usage) for an address or key that is none.
std::vector<std::unique_ptr<server::StudySource>> scan_sources(const ServeOptions& options, const CancelToken& stop,
                                                               const LogSink& log);

}  // namespace sagittal
