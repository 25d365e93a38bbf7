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

class Loader {
 public:
  Loader(Model& model, const LoadOptions& options) : model_(model), options_(options) {
    model_.scratch = options.workspace.scratch;
  }

  void load(const std::filesystem::path& folder) {
    const nn::Checkpoint checkpoint = nn::open_checkpoint(folder, {options_.fold, options_.checkpoint});
    model_.patch_size = patch_of(checkpoint);
    model_.name = checkpoint.name;
    model_.licence = checkpoint.licence;
    model_.network = network_of(checkpoint);
  }

  void load_guide(const std::filesystem::path& folder) {
    const nn::Checkpoint checkpoint = nn::open_checkpoint(folder);
    model_.guide = {network_of(checkpoint), patch_of(checkpoint), checkpoint.network.total_stride()};
  }

 private:
  std::shared_ptr<const nn::Network> network_of(const nn::Checkpoint& checkpoint) {
    model_.weight_bytes += static_cast<std::uint64_t>(checkpoint.parameter_count()) * sizeof(float);
    return nn::make_network(checkpoint.network, checkpoint.weights, options_, options_.workspace.arenas);
  }

  Model& model_;
  const LoadOptions& options_;
};

}  // namespace

std::shared_ptr<const Model> load_model(const std::filesystem::path& folder, const LoadOptions& options) {
  auto model = std::make_shared<Model>();
  model->capabilities = read_capabilities(folder);
  Loader loader(*model, options);
  loader.load(folder);
  if (const auto declared = read_declaration(folder); !declared.guide_folder.empty()) {
    loader.load_guide(folder / declared.guide_folder);
  }
  check_model(*model);
  return model;
}

}  // namespace sagittal::interact
