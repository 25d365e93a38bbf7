#include <fmt/format.h>

#include "base/error.h"
#include "interact/model.h"
#include "nn/checkpoint.h"

namespace sagittal::interact {

std::shared_ptr<const Model> load_model(const std::filesystem::path& folder, const LoadOptions& options) {
  auto model = std::make_shared<Model>();
  model->capabilities = read_capabilities(folder);
  const nn::Checkpoint checkpoint = nn::open_checkpoint(folder, {options.fold, options.checkpoint});
  const auto& patch = checkpoint.configuration.patch_size;
  if (patch.size() != model->patch_size.size()) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: a {}D network cannot be prompted in 3D", folder.string(), patch.size()));
  }
  std::copy(patch.begin(), patch.end(), model->patch_size.begin());
  model->name = checkpoint.name;
  model->licence = checkpoint.licence;
  model->network = nn::cpu::make_network(checkpoint.network, checkpoint.weights, {options.threads, options.precision});
  check_model(*model);
  return model;
}

}  // namespace sagittal::interact
