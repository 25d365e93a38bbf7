#include "interact/model_memory.h"

#include <algorithm>

#include "interact/guide.h"
#include "interact/guide_features.h"
#include "interact/predictor.h"
#include "volume/box.h"

namespace sagittal::interact {
namespace {

/// A mask of the patch, and what a look from farthest away compares: three masks of its box, a bit per voxel.
std::uint64_t work_of_predictor(std::uint64_t voxels) {
  constexpr auto zoom = static_cast<std::uint64_t>(kMaxZoom);
  return voxels + 3 * voxels * (zoom * zoom * zoom) / 8;
}

/// The views of a first prompt are prepared side by side: the network's channels and as many fields again on the way.
std::uint64_t work_of_guide(std::uint64_t voxels) {
  return Guide::kMostViews * voxels * 2 * std::uint64_t{kGuideChannels} * sizeof(float);
}

}  // namespace

std::size_t patch_bytes(const nn::Network& network, const Index3& size) {
  const auto channels = static_cast<std::size_t>(std::max(network.input_channels(), network.output_channels()));
  return static_cast<std::size_t>(whole(size).volume()) * channels * sizeof(float);
}

ModelMemory memory_of(const Model& model) {
  const Index3 size = model.guide ? Guide::largest_patch(model.guide) : model.patch_size;
  const nn::Network& network = model.guide ? *model.guide.network : *model.network;
  const auto voxels = static_cast<std::uint64_t>(whole(size).volume());
  const nn::NetworkMemory needed = network.memory(size);
  if (model.guide) return {needed.weights, needed.maps, 0, work_of_guide(voxels)};
  return {needed.weights, needed.maps, patch_bytes(network, size), work_of_predictor(voxels)};
}

}  // namespace sagittal::interact
