#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "hub/io/target.h"
#include "hub/io/workflow_steps.h"

namespace sagittal::hub {

/// One thing that a workflow reads.
struct NeededInput {
  enum class Kind {
    series,        ///< a DICOM series of images
    segmentation,  ///< a DICOM SEG of one of them
    structures,    ///< an RTSTRUCT of one of them
    file,          ///< a file that is no DICOM
  };
  std::string role = {};  ///< "ct", "pt", "t2w", …; empty where it is the only one
  Kind kind = Kind::series;
  std::vector<std::string> modalities = {};  ///< DICOM's, of a series; empty: any
  std::string file_type = {};                ///< of a file: "nrrd", "mha", "nifti", "json", "tiff", …
  std::string place =
      {};  ///< below the input folder, "$name" for what only the case knows ("$patientID/ct"), "$series" for its own
};

/// What a model is given and what must come out, by one of its workflows.
struct WorkflowPlan {
  std::string model, workflow;
  std::string text;  ///< the workflow's file, as it is
  WorkflowSteps steps;
  std::vector<NeededInput> inputs;
  Attributes fixed_attributes;  ///< of the case
  std::vector<Target> targets;
  bool is_dicom = false;  ///< every input comes from DICOM
};

/// Reads what the workflow needs. `modalities`: DICOM's, that the card says the model takes. Error(unsupported) with
/// the reason where that cannot be told without running the model's own code, Error(bad_input) for what is no workflow.
WorkflowPlan plan_of(std::string_view model, std::string_view workflow, std::string_view yaml,
                     const std::vector<std::string>& modalities);

/// For people: "ct: a DICOM series (CT)".
std::string describe(const NeededInput& input);

}  // namespace sagittal::hub
