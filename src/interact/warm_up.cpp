#include "interact/warm_up.h"

#include <algorithm>

#include "volume/box.h"

namespace sagittal::interact {

void warm_up(const Model& model, const RunControl& control) {
  const auto voxels = static_cast<std::size_t>(whole(model.patch_size).volume());
  const std::size_t inputs = voxels * static_cast<std::size_t>(model.network->input_channels());
  const std::size_t outputs = voxels * static_cast<std::size_t>(model.network->output_channels());
  BorrowedBuffer memory(*model.scratch, (inputs + outputs) * sizeof(float));
  const auto values = memory.as<float>().first(inputs + outputs);
  std::fill(values.begin(), values.end(), 0.0f);
  model.network->run(model.patch_size, values.first(inputs), values.subspan(inputs), control);
}

}  // namespace sagittal::interact
