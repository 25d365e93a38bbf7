#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "base/progress.h"
#include "hub/io/staging.h"
#include "hub/jobs/work.h"

namespace sagittal::hub {

/// What a run left.
struct Collected {
  std::vector<JobOutput> outputs = {};    ///< that can be used, by their paths
  std::vector<std::string> missing = {};  ///< paths that were expected and did not come, or not in a usable form
  std::vector<std::string> notes = {};    ///< for people: what was refused, and why
  bool is_useful = false;                 ///< at least one output is one that was expected
};

/// Looks at what a stranger's program left below `out`, after nothing of it runs any more. Links, devices, pipes and
/// sockets are removed, not followed. Files are known by their content: a DICOM SEG must be of the staged scan, a
/// volume lie within it, JSON and tables be readable; what is not is named in `notes` and is no output. Segments get
/// names, codes and colours from the file itself, the `segdef.json` beside it, or the workflow; files that overlap stay
/// files of their own. Error(io | too_large) where the folder cannot be looked through.
Collected collect(const Staged& staged, const std::filesystem::path& out, const RunControl& control);

}  // namespace sagittal::hub
