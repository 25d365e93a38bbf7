#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/buffer_pool.h"
#include "interact/capabilities.h"
#include "interact/guide_model.h"
#include "nn/cpu/shared_arena.h"
#include "nn/device/devices.h"
#include "nn/network.h"
#include "volume/geometry.h"

namespace sagittal::interact {

/// A promptable model: the network, the patch it was trained for, and what its `inference_info.json` says.
/// Immutable; shared by all sessions.
struct Model {
  std::string name;                            ///< the checkpoint folder's name
  std::string licence;                         ///< first line of its LICENSE file, else "!!MISSING!!"
  Index3 patch_size{};                         ///< array axes 0, 1, 2
  std::uint64_t weight_bytes = 0;              ///< of all its networks, as float32
  Capabilities capabilities;                   ///< prompt types, channels, decay, point radius
  std::shared_ptr<const nn::Network> network;  ///< image channels + interaction channels -> 2 logits
  GuideModel guide;                            ///< answers in place of `network` where there is one
  std::shared_ptr<BufferPool> scratch = std::make_shared<BufferPool>(kIdleScratch);  ///< of predictions

  static constexpr std::size_t kIdleScratch = std::size_t{64} << 20;
};

/// Memory that models which predict one after the other can share.
struct Workspace {
  std::shared_ptr<BufferPool> arenas = nn::cpu::make_arenas();  ///< of networks
  std::shared_ptr<BufferPool> scratch = std::make_shared<BufferPool>(Model::kIdleScratch);
};

struct LoadOptions : nn::NetworkOptions {
  std::string fold;  ///< "0", "all"; empty: the only one there is
  std::string checkpoint = "checkpoint_final.pth";
  Workspace workspace = {};
};

/// Opens a checkpoint folder of nnInteractive. Throws Error(not_found) for missing files, Error(bad_input) for broken
/// or contradictory ones, Error(unsupported) for networks that cannot be prompted or are unknown.
std::shared_ptr<const Model> load_model(const std::filesystem::path& folder, const LoadOptions& options = {});

/// What `inference_info.json`, or else `inference_session_class.json`, of a checkpoint folder says. Throws
/// Error(not_found) where there is neither.
Capabilities read_capabilities(const std::filesystem::path& folder);

/// What `sagittal.json` of a checkpoint folder declares; nothing where there is none. Throws as `parse_declaration`.
Declaration read_declaration(const std::filesystem::path& folder);

/// Throws Error(bad_input) unless the network takes one image channel and the interaction channels, answers with two
/// classes, the patch is one that can be run and refined, and a guide fits (see `check_guide`).
void check_model(const Model& model);

}  // namespace sagittal::interact
