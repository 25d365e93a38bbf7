#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/card.h"
#include "hub/structures.h"

namespace sagittal::hub {

/// One file of a model's config folder.
struct WorkflowFile {
  Workflow workflow;
  OwnSegments own_segments;
};

/// Reads a workflow; nothing where the file has no steps, because then it is something else. `name` is the file's
/// without its ending. Throws Error(bad_input | unsupported) for what is no YAML; all else is a warning.
std::optional<WorkflowFile> read_workflow(std::string_view name, std::string_view yaml,
                                          std::vector<std::string>& warnings);

/// Whether a step is one of MHub's framework: it reads, converts and sorts, but segments nothing.
bool is_framework(std::string_view module);

/// What makes the result, by the default workflow's steps: the only one that is not the framework's own.
ModelEngine engine_of(const std::vector<Workflow>& workflows);

/// Gives the segments of `outputs` the label numbers that the default workflow fixes, in its order; it also knows
/// segments that the card forgot. Does nothing where the workflow leaves the labels to the model's own code.
void apply_labels(const Workflow& workflow, const OwnSegments& own, std::vector<CardOutput>& outputs);

}  // namespace sagittal::hub
