#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"

namespace sagittal::hub {

/// Follows a run by the lines in which MHub's framework says which step begins ("Start NNUnetRunner"): a step that has
/// begun counts those before it as done. Nothing else in a log is believed.
class StepProgress {
 public:
  StepProgress(std::vector<std::string> steps, const RunControl& control)
      : steps_(std::move(steps)), control_(control) {}

  void see(std::string_view line);

 private:
  const std::vector<std::string> steps_;
  const RunControl& control_;
  std::size_t next_ = 0;  ///< of the steps, the first that has not begun
};

}  // namespace sagittal::hub
