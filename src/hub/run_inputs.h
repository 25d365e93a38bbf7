#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "base/progress.h"
#include "hub/hub.h"
#include "hub/io/plan.h"

namespace sagittal::hub {

/// One thing that a run is given, for those who offer scans for it.
struct RunInput {
  std::string role;                     ///< as JobInput::role; empty where it is the only one
  std::string kind;                     ///< "series", "segmentation", "structures", "file", or "image": of any format
  std::vector<std::string> modalities;  ///< DICOM's, of a series; empty: any, or not told
  std::vector<std::string> accepts;     ///< "dicom", "nifti", "nrrd", "metaimage", or a file's own type
  std::string description;              ///< in words, for people
};

/// What a workflow of a model reads.
struct RunInputs {
  std::string model, source, workflow;
  std::vector<RunInput> inputs;
  std::string volumes_refused;  ///< why images that are no DICOM are not taken; empty: they are
};

/// Of a published model by the plan of its workflow, of one of this machine its channels. `card`: as Hub::card gives
/// it. An empty `workflow` is the default one. Errors as of Hub::workflow and plan_of.
RunInputs run_inputs(Hub& hub, const Json& card, const std::string& workflow, const RunControl& control = {});

/// {"model","source","workflow","inputs":[{"role","kind","modalities","accepts","description"}],
/// "volumes":{"accepted","reason"}}.
Json to_json(const RunInputs& inputs);

}  // namespace sagittal::hub
