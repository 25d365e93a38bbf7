#include "interact/warm_up.h"

#include <algorithm>

#include "interact/model_memory.h"
#include "volume/box.h"

namespace sagittal::interact {

void warm_up(const Model& model, const RunControl& control) {
  const nn::Network& network = model.guide ? *model.guide.network : *model.network;
  const Index3& size = model.guide ? model.guide.side : model.patch_size;
  const auto voxels = static_cast<std::size_t>(whole(size).volume());
  const std::size_t inputs = voxels * static_cast<std::size_t>(network.input_channels());
  const std::size_t outputs = voxels * static_cast<std::size_t>(network.output_channels());
  BorrowedBuffer memory(*model.scratch, patch_bytes(network, size), control);
  const auto values = memory.as<float>();
  std::fill(values.begin(), values.end(), 0.0f);
  network.run(size, values.first(inputs), values.first(outputs), control);
}

}  // namespace sagittal::interact
