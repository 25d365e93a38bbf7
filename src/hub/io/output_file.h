#pragma once
#include <filesystem>
#include <string>

#include "hub/io/segment_table.h"
#include "hub/io/staging.h"
#include "hub/jobs/work.h"

namespace sagittal::hub {

/// What is known of a result before it is looked into.
struct OutputHints {
  std::string path;                            ///< below out/
  bool is_segmentation = false;                ///< the workflow says so
  std::map<std::int64_t, std::string> labels;  ///< by its segdef.json, else by the workflow
};

/// Reads one plain file. Error(bad_input | unsupported | too_large) where it is not what its name says, or is not of
/// the staged scan.
JobOutput read_output(const std::filesystem::path& file, const OutputHints& hints, const Staged& staged);

}  // namespace sagittal::hub
