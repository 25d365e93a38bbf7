#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "interact/capabilities.h"
#include "nn/network.h"
#include "volume/geometry.h"

namespace sagittal::interact {

/// A promptable model: the network, the patch it was trained for, and what its `inference_info.json` says.
/// Immutable; shared by all sessions.
struct Model {
  std::string name;                            ///< the checkpoint folder's name
  std::string licence;                         ///< first line of its LICENSE file, else "!!MISSING!!"
  Index3 patch_size{};                         ///< array axes 0, 1, 2
  Capabilities capabilities;                   ///< prompt types, channels, decay, point radius
  std::shared_ptr<const nn::Network> network;  ///< image channels + interaction channels -> 2 logits
};

}  // namespace sagittal::interact
