#include "nn/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/error.h"
#include "nn/licence.h"
#include "nn/torch_file.h"

namespace sagittal::nn {
namespace {

constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 20;

std::filesystem::path find_fold(const std::filesystem::path& folder, const std::string& fold) {
  if (!fold.empty()) return folder / ("fold_" + fold);
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name.starts_with("fold_")) found.push_back(name);
  }
  if (found.size() == 1) return folder / found[0];
  throw Error(found.empty() ? ErrorCode::not_found : ErrorCode::wrong_usage,
              fmt::format("{}: expected one fold_* folder, found {}; choose a fold", folder.string(),
                          found.empty() ? "none" : fmt::format("{}", fmt::join(found, ", "))));
}

int image_channels_of(const Json& dataset) {
  const char* key = dataset.contains("modality") ? "modality" : "channel_names";
  const auto channels = json_get<Json>(dataset, key, "dataset.json");
  if (!channels.is_object() && !channels.is_array()) throw_json_type(dataset, key, "dataset.json");
  return static_cast<int>(channels.size());
}

Checkpoint open_parts(const std::filesystem::path& folder, const CheckpointOptions& options) {
  Checkpoint out;
  out.folder = folder;
  out.name = std::filesystem::absolute(folder).lexically_normal().filename().string();
  if (out.name.empty())
    out.name = std::filesystem::absolute(folder).lexically_normal().parent_path().filename().string();
  out.plans = parse_plans(as_text(read_file(folder / "plans.json", kMaxJsonBytes)), "plans.json");
  out.dataset = parse_json(as_text(read_file(folder / "dataset.json", kMaxJsonBytes)), "dataset.json");
  if (!out.dataset.is_object()) throw Error(ErrorCode::bad_input, "dataset.json: expected an object");
  out.image_channels = image_channels_of(out.dataset);
  out.file = find_fold(folder, options.fold) / options.file_name;
  TorchFile file = read_torch_file(out.file);
  out.configuration = out.plans.configuration(file.configuration);
  out.network = out.configuration.network;
  out.trainer_name = std::move(file.trainer_name);
  out.mirroring_axes = std::move(file.mirroring_axes);
  out.foreign_names = std::move(file.foreign_names);
  try {
    set_channels_from_weights(out.network, file.weights);
    out.weights = select_parameters(out.network, file.weights);
  } catch (Error& error) {
    throw error.within(options.file_name);
  }
  out.licence = licence_of(folder, out.plans, out.configuration.name);
  return out;
}

}  // namespace

std::int64_t Checkpoint::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [key, tensor] : weights.tensors) count += tensor.element_count();
  return count;
}

Checkpoint open_checkpoint(const std::filesystem::path& folder, const CheckpointOptions& options) {
  if (!std::filesystem::is_directory(folder)) {
    throw Error(ErrorCode::not_found, fmt::format("{} is not a folder; expected a checkpoint folder", folder.string()));
  }
  try {
    return open_parts(folder, options);
  } catch (Error& error) {
    throw error.within(fmt::format("checkpoint {}", folder.string()));
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(ErrorCode::io, fmt::format("checkpoint {}: {}", folder.string(), error.what()));
  }
}

}  // namespace sagittal::nn
