#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hub/hub.h"
#include "hub/jobs/work.h"
#include "hub/runners/sandbox.h"

namespace sagittal::hub {

/// What is known of a model of MHub before it runs.
struct MHubModel {
  std::string name, version;
  std::string image;                    ///< a reference, or the folder of an unpacked image
  std::vector<std::string> modalities;  ///< DICOM's
  std::string workflow, workflow_text;
};

/// Of the catalogue; the workflow's file is fetched where the list of models came without it. Error(not_found).
MHubModel find_mhub_model(Hub& hub, const JobRequest& request, const RunControl& control);

/// Runs a model of MHub: its inputs are checked and staged, and only then its image is got, pinned and run without
/// network or any file of this machine but them, and what it wrote is looked through. How it ended says nothing: only
/// what it wrote does.
class MHubWork final : public Work {
 public:
  /// What of the machine goes into the record.
  struct Machine {
    std::string our_version = {};
    /// Asked once the image is here, with what `Runner::pin` answered; empty: read_only.
    std::function<Hardening(const std::string& image)> hardening = {};
  };

  MHubWork(MHubModel model, std::shared_ptr<const Runner> runner, Machine machine)
      : model_(std::move(model)), runner_(std::move(runner)), machine_(std::move(machine)) {}

  WorkReport run(const JobRequest& request, const std::filesystem::path& folder, RunLog& log,
                 const RunControl& control) const override;

 private:
  WorkReport run_in(const std::filesystem::path& folder, const JobRequest& request, RunLog& log,
                    const RunControl& control) const;

  const MHubModel model_;
  const std::shared_ptr<const Runner> runner_;
  const Machine machine_;
};

}  // namespace sagittal::hub
