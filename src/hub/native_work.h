#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "hub/jobs/work.h"
#include "nn/device/devices.h"

namespace sagittal::hub {

/// Runs nnU-Net folders of this machine, and tasks composed of them, with our own engine, in this process.
class NativeWork final : public Work {
 public:
  /// `find_model`: the folder of a name or path, or Error(not_found). `threads`: 0: as many as the job may have, at
  /// most available_cores(). `devices`: where networks run; null: the processor. `expect` is told, before it takes
  /// them, how many bytes of memory a model will need about.
  explicit NativeWork(std::function<std::filesystem::path(const std::string&)> find_model, int threads = 0,
                      std::function<void(std::uint64_t bytes)> expect = {},
                      std::shared_ptr<const nn::Devices> devices = nullptr)
      : find_model_(std::move(find_model)),
        threads_(threads),
        expect_(std::move(expect)),
        devices_(std::move(devices)) {}

  /// Inputs are the model's channels: by their roles where each has one that is a channel's name, else in their order.
  /// `workflow`: the configuration, where the folder holds several. Writes one segmentation, as DICOM SEG where the
  /// input is DICOM, else .nii.gz, or .seg.nrrd where segments overlap.
  WorkReport run(const JobRequest& request, const std::filesystem::path& folder, RunLog& log,
                 const RunControl& control) const override;

 private:
  const std::function<std::filesystem::path(const std::string&)> find_model_;
  const int threads_;
  const std::function<void(std::uint64_t bytes)> expect_;
  const std::shared_ptr<const nn::Devices> devices_;
};

}  // namespace sagittal::hub
