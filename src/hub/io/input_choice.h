#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "hub/io/dicom_folder.h"
#include "hub/io/plan.h"
#include "hub/jobs/work.h"

namespace sagittal::hub {

/// What a person gave, looked into.
struct GivenInput {
  std::string role;
  std::filesystem::path path;
  std::map<std::string, DicomObjects> series;  ///< empty for what is no DICOM
};

/// What a plan's input is fed with.
struct ChosenInput {
  NeededInput need;
  DicomObjects series = {};         ///< of DICOM
  std::filesystem::path file = {};  ///< of what is no DICOM
};

/// Looks into the inputs; a ZIP archive is unpacked below `unpacked`, which is made then. Error(not_found).
std::vector<GivenInput> look_at(const std::vector<JobInput>& inputs, const std::filesystem::path& unpacked,
                                const RunControl& control);

/// One of `given` for each input of the plan, by role, else by what they are. Errors as for `stage`.
std::vector<ChosenInput> choose_inputs(const WorkflowPlan& plan, const std::vector<GivenInput>& given);

}  // namespace sagittal::hub
