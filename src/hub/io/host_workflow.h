#pragma once
#include <string>

#include "hub/io/plan.h"

namespace sagittal::hub {

/// A workflow of our own for a model that reads files between its converter and its network: the same steps, fed by a
/// file in place of a DICOM series, which spares an image without DICOM a detour.
struct HostWorkflow {
  std::string text;       ///< what the model's framework reads
  std::string file_type;  ///< "nifti", "mha" or "nrrd"
  WorkflowPlan plan;      ///< of that text: one file at `$sid/image…`
};

/// Made from a plan with one DICOM series; `modality` is what the image is taken for. Error(unsupported) with the
/// reason where a step needs DICOM.
HostWorkflow host_workflow(const WorkflowPlan& plan, const std::string& modality);

}  // namespace sagittal::hub
