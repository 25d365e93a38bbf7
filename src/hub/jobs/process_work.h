#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "hub/jobs/work.h"

namespace sagittal::hub {

/// Runs a job in a process of its own, which does the work and leaves record.json: `command`, then the job's folder.
/// What goes wrong there, up to a crash, ends that job alone, and a cancel ends whatever belongs to it.
class ProcessWork final : public Work {
 public:
  explicit ProcessWork(std::vector<std::string> command) : command_(std::move(command)) {}

  WorkReport run(const JobRequest& request, const std::filesystem::path& folder, RunLog& log,
                 const RunControl& control) const override;

 private:
  const std::vector<std::string> command_;
};

/// The lines that such a process prints: progress, and what goes into the log.
std::string progress_line(const Progress& progress);
std::string log_line(std::string_view text);
/// Tells `log` or `control` what such a line says.
void hear_work(std::string_view line, RunLog& log, const RunControl& control);

}  // namespace sagittal::hub
