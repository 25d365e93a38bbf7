#pragma once
#include <array>
#include <optional>

#include "base/json.h"

namespace sagittal::interact {

/// The newest release of nnInteractive whose session rules are known.
inline constexpr const char* kSessionVersion = "2.6.0";

/// Channels of one prompt type among the interaction channels; channel 0 is the previous segmentation.
struct ChannelPair {
  int positive = 0;
  int negative = 0;
};

/// What a checkpoint's `inference_info.json` (or its legacy form) declares; the defaults are those of
/// nnInteractive 2.6.
struct Capabilities {
  bool supports_points = true;
  bool supports_scribble = true;
  bool supports_lasso = true;
  bool supports_bbox2d = true;
  bool supports_bbox3d = false;
  bool supports_initial_label = true;
  bool supports_zero_shot_label_refinement = true;  ///< informational
  int prev_seg_channel = 0;
  ChannelPair bbox2d{1, 2};
  ChannelPair bbox3d{1, 2};
  ChannelPair lasso{1, 2};
  ChannelPair points{3, 4};
  ChannelPair scribble{5, 6};
  int num_interaction_channels = 7;  ///< including prev_seg
  double point_radius = 4;           ///< voxels, a whole number from 1 to 32
  std::array<double, 3> preferred_scribble_thickness{2, 2, 2};
  std::optional<double> interaction_decay = 0.98;  ///< in (0, 1]; absent: prompts do not fade
};

/// Throws Error(bad_input) for what the original refuses too: unknown keys, a newer minimum version, bad channels; and
/// for point radii that are not whole. Error(unsupported) for a padding other than constant.
Capabilities parse_inference_info(const Json& info);
/// The legacy `inference_session_class.json`: a bare class name, or an object with four fields.
Capabilities parse_legacy_session_class(const Json& info);

}  // namespace sagittal::interact
