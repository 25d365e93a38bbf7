#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "hub/jobs/process_work.h"
#include "hub/jobs/slurm_work.h"
#include "hub/runnable.h"
#include "nn/device/choice.h"

namespace sagittal {

/// Runs any model of the hub: those of this machine with our own engine, MHub's as strangers' programs. What hardening
/// an image bears is learnt: read-only first, and where it complains of that, once more with a layer to write in.
class ModelWork final : public hub::Work {
 public:
  /// `expect` as in hub::NativeWork, whose networks run on `device`.
  explicit ModelWork(std::filesystem::path data_directory, std::function<void(std::uint64_t bytes)> expect = {},
                     const nn::DeviceChoice& device = {})
      : data_directory_(std::move(data_directory)), expect_(std::move(expect)), device_(device) {}
  hub::WorkReport run(const hub::JobRequest& request, const std::filesystem::path& folder, hub::RunLog& log,
                      const RunControl& control) const override;

 private:
  hub::WorkReport run_mhub(const hub::JobRequest& request, const std::filesystem::path& folder, hub::RunLog& log,
                           const RunControl& control) const;
  const std::filesystem::path data_directory_;
  const std::function<void(std::uint64_t bytes)> expect_;
  const nn::DeviceChoice device_;
};

/// Runs jobs where they want to run, each in a process of its own, this program's hidden `hub work`: here, or as a job
/// of Slurm.
class PlacedWork final : public hub::Work {
 public:
  /// `background`: here, clicks come first. `leaving`: as in hub::SlurmWork. `device`: of our own engine, here.
  PlacedWork(const std::filesystem::path& data_directory, bool background, const CancelToken& leaving,
             const nn::DeviceChoice& device = {});
  hub::WorkReport run(const hub::JobRequest& request, const std::filesystem::path& folder, hub::RunLog& log,
                      const RunControl& control) const override;

 private:
  const hub::ProcessWork here_;
  const hub::SlurmWork cluster_;
};

/// The model of a name, or of a folder's path; `name` is then the whole path. Error(not_found | unsupported).
hub::Runnable find_runnable(const std::string& name_or_path, const std::string& source,
                            const std::filesystem::path& data_directory);

/// What of this machine jobs may take: its memory and cores.
hub::Limits default_limits();

}  // namespace sagittal
