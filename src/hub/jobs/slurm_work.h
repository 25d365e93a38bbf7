#pragma once
#include <string>
#include <vector>

#include "hub/jobs/work.h"

namespace sagittal::hub {

/// Sends a job to a cluster, where `command` and then the job's folder does it; that folder must be the same on the
/// nodes. A job that the cluster has already is followed on, also after our own restart.
class SlurmWork final : public Work {
 public:
  /// `leaving`: once cancelled, jobs are left to the cluster instead of being cancelled there.
  SlurmWork(std::vector<std::string> command, CancelToken leaving)
      : command_(std::move(command)), leaving_(std::move(leaving)) {}

  WorkReport run(const JobRequest& request, const std::filesystem::path& folder, RunLog& log,
                 const RunControl& control) const override;

 private:
  const std::vector<std::string> command_;
  const CancelToken leaving_;
};

}  // namespace sagittal::hub
