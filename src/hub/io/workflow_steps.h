#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "hub/structures.h"

namespace sagittal::hub {

/// A module of a workflow and what it is told.
struct WorkflowStep {
  std::string module;
  Json own = Json::object();     ///< beside its name in `execute`
  Json shared = Json::object();  ///< under `modules`; `own` counts before it

  /// The value of a parameter, or nullptr.
  const Json* find(const std::string& key) const;
  /// Its texts: one, or those of a list. None where it is absent or no text.
  std::vector<std::string> texts(const std::string& key) const;
  std::string text(const std::string& key, std::string_view otherwise) const;
};

/// What a workflow does, in order.
struct WorkflowSteps {
  std::vector<WorkflowStep> steps;
  OwnSegments own_segments;

  /// The first step of that module, or nullptr.
  const WorkflowStep* find(std::string_view module) const;
};

/// Error(bad_input | unsupported) for what is no workflow.
WorkflowSteps read_workflow_steps(std::string_view yaml, std::string_view what);

}  // namespace sagittal::hub
