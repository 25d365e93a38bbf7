#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hub/io/plan.h"
#include "hub/jobs/work.h"
#include "volume/geometry.h"

namespace sagittal::hub {

/// One input as it lies below in/.
struct StagedInput {
  std::string role = {};
  std::string series_uid = {};  ///< empty for what is no DICOM
  std::string modality = {}, description = {}, frame_of_reference = {};
  std::set<std::string> instances = {};   ///< SOP instance UIDs
  std::optional<Geometry> geometry = {};  ///< of images that form a volume
  std::uint64_t files = 0, bytes = 0;
  std::string sha256 = {};  ///< over its files, one behind the other, in the order of their UIDs
};

/// What a run is given.
struct Staged {
  std::vector<StagedInput> inputs = {};
  Attributes instance = {};             ///< of the case, as targets name them: sid, patientID, …
  std::vector<Target> targets = {};     ///< what must come out
  WorkflowSteps steps = {};             ///< what is run
  std::string own_workflow = {};        ///< a workflow of ours in place of the model's; empty: the model's
  std::vector<std::string> notes = {};  ///< for people
};

/// Puts what a plan needs below `in`, which is an empty folder: DICOM as `in/<place>/<SOPInstanceUID>.dcm`, by hard
/// link or copy, other images as the file that the workflow reads. Inputs without a role find theirs by what they are.
/// Error(wrong_usage) where it is open which is which; Error(bad_input | unsupported | not_found) for what the model
/// cannot work on: another modality, several series, mixed frames of reference, missing positions, gaps, copies of
/// slices, a SEG of other images. Each says what was found and what to do.
Staged stage(const WorkflowPlan& plan, const std::vector<JobInput>& inputs, const std::filesystem::path& in,
             const RunControl& control);

/// {"role","series","modality","sha256","files","bytes"} each.
Json record_of(const std::vector<StagedInput>& inputs);

}  // namespace sagittal::hub
