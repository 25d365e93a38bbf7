#include "interact/model.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/error.h"

namespace sagittal::interact {
namespace {

constexpr std::size_t kMaxInfoBytes = 1 << 20;
constexpr std::int64_t kMaxPatchSide = 1024;

Json read_json(const std::filesystem::path& path) {
  return parse_json(as_text(read_file(path, kMaxInfoBytes)), path.filename().string());
}

}  // namespace

Capabilities read_capabilities(const std::filesystem::path& folder) {
  const auto current = folder / "inference_info.json", legacy = folder / "inference_session_class.json";
  if (std::filesystem::exists(current)) return parse_inference_info(read_json(current));
  if (std::filesystem::exists(legacy)) return parse_legacy_session_class(read_json(legacy));
  throw Error(ErrorCode::not_found,
              fmt::format("{}: neither inference_info.json nor inference_session_class.json; this is not a checkpoint "
                          "that takes prompts",
                          folder.string()));
}

Declaration read_declaration(const std::filesystem::path& folder) {
  const auto path = folder / "sagittal.json";
  return std::filesystem::exists(path) ? parse_declaration(read_json(path)) : Declaration{};
}

void check_model(const Model& model) {
  const auto refuse = [&](const std::string& sentence) {
    throw Error(ErrorCode::bad_input, fmt::format("model {}: {}", model.name, sentence));
  };
  if (!model.network) refuse("has no network");
  const int channels = model.network->input_channels();
  const int expected = 1 + model.capabilities.num_interaction_channels;
  if (channels != expected) {
    refuse(fmt::format("the network takes {} channels, expected one image channel and {} interaction channels",
                       channels, expected - 1));
  }
  if (model.network->output_channels() != 2) {
    refuse(fmt::format("the network answers with {} classes, expected 2", model.network->output_channels()));
  }
  for (const std::int64_t side : model.patch_size) {
    if (side < 1 || side > kMaxPatchSide) {
      refuse(fmt::format("patch {} x {} x {} is not one of 1 to {} voxels per axis", model.patch_size[0],
                         model.patch_size[1], model.patch_size[2], kMaxPatchSide));
    }
  }
  if (model.guide) check_guide(model.guide, model.name);
}

}  // namespace sagittal::interact
