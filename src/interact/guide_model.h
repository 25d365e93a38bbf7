#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "base/json.h"
#include "nn/network.h"
#include "volume/geometry.h"

namespace sagittal::interact {

/// A second, small network that answers in place of the promptable one, from what methods without training tell it of
/// the prompts; see `guide_features`. Immutable.
struct GuideModel {
  std::shared_ptr<const nn::Network> network;  ///< kGuideChannels -> 2 logits; null: the model has no guide
  Index3 side{};                               ///< most blocks per axis of a view
  Index3 multiple{1, 1, 1};                    ///< of which the network's input sides must be

  explicit operator bool() const { return network != nullptr; }
};

/// What `sagittal.json`, in a checkpoint folder, says: {"guide": {"folder": NAME}}. Published checkpoints have none.
struct Declaration {
  std::string guide_folder;  ///< beside the file; empty: no guide
};

/// Throws Error(bad_input) for unknown keys and for a folder that is not a plain name.
Declaration parse_declaration(const Json& json);

/// Throws Error(bad_input) unless the network takes the guide's channels, answers with two classes, and the sides are
/// ones that can be run.
void check_guide(const GuideModel& guide, const std::string& name);

}  // namespace sagittal::interact
