#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "interact/model.h"
#include "io/image_io.h"

namespace sagittal::fuzz {

/// Foreground where the image is bright or anything is drawn.
class BrightNetwork : public nn::Network {
 public:
  int input_channels() const override { return 8; }
  int output_channels() const override { return 2; }
  std::string description() const override { return "stub"; }
  std::string device() const override { return "cpu"; }
  void run(const nn::SpatialSize&, std::span<const float> input, std::span<float> logits,
           const RunControl&) const override {
    const std::size_t voxels = logits.size() / 2;
    for (std::size_t v = 0; v < voxels; ++v) {
      const float sum = input[v] + input[4 * voxels + v];  // the logits may lie over them
      logits[v] = 0;
      logits[voxels + v] = sum - 0.5f;
    }
  }
};

/// What every dialect's target serves: a model of a patch of 8^3.
struct Harness {
  Harness() {
    auto made = std::make_shared<interact::Model>();
    made->name = "stub";
    made->patch_size = {8, 8, 8};
    made->network = std::make_shared<BrightNetwork>();
    model = std::move(made);
  }
  std::shared_ptr<const interact::Model> model;
  ThreadPool pool{1};
};

/// A small image as an NRRD file.
inline std::string make_image() {
  std::vector<std::uint8_t> voxels(8 * 9 * 10);
  for (std::size_t v = 0; v < voxels.size(); ++v) voxels[v] = static_cast<std::uint8_t>(v % 50);
  const Bytes file = io::encode_image(make_volume<std::uint8_t>({.size = {10, 9, 8}}, voxels), "nrrd", false);
  return std::string(as_text(file));
}

/// One part of a body with the boundary "b1".
inline std::string part(const std::string& name, std::string_view content) {
  return "--b1\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + std::string(content) + "\r\n";
}

}  // namespace sagittal::fuzz
