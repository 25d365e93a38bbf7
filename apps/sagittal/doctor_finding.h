#pragma once
#include <string>
#include <vector>

namespace sagittal::commands {

/// One line of the doctor's report. `mend` is a command or an action, empty where all is well or nothing is needed.
struct Finding {
  std::string topic;
  bool ok = true;
  std::string found;
  std::string mend{};
};

/// What can run strangers' models here: engines, sandboxes, environments, clusters. None of it is needed, so all is ok.
std::vector<Finding> examine_runners();

}  // namespace sagittal::commands
