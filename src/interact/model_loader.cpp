#include <fmt/format.h>

#include "base/error.h"
#include "interact/model.h"
#include "nn/checkpoint.h"

namespace sagittal::interact {
namespace {

Index3 patch_of(const nn::Checkpoint& checkpoint) {
  const auto& patch = checkpoint.configuration.patch_size;
  Index3 out{};
  if (patch.size() != out.size()) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: a {}D network cannot be prompted in 3D", checkpoint.folder.string(), patch.size()));
  }
  std::copy(patch.begin(), patch.end(), out.begin());
  return out;
}

GuideModel load_guide(const std::filesystem::path& folder, const nn::cpu::CpuOptions& options) {
  const nn::Checkpoint checkpoint = nn::open_checkpoint(folder);
  return {nn::cpu::make_network(checkpoint.network, checkpoint.weights, options), patch_of(checkpoint),
          checkpoint.network.total_stride()};
}

}  // namespace

std::shared_ptr<const Model> load_model(const std::filesystem::path& folder, const LoadOptions& options) {
  auto model = std::make_shared<Model>();
  model->capabilities = read_capabilities(folder);
  const nn::Checkpoint checkpoint = nn::open_checkpoint(folder, {options.fold, options.checkpoint});
  model->patch_size = patch_of(checkpoint);
  model->name = checkpoint.name;
  model->licence = checkpoint.licence;
  model->network = nn::cpu::make_network(checkpoint.network, checkpoint.weights, {options.threads, options.precision});
  if (const auto declared = read_declaration(folder); !declared.guide_folder.empty()) {
    model->guide = load_guide(folder / declared.guide_folder, {options.threads, options.precision});
  }
  check_model(*model);
  return model;
}

}  // namespace sagittal::interact
