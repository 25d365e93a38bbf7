#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "nn/architecture.h"

namespace sagittal::nn {

/// One configuration of a plan ("3d_fullres"), inheritance resolved. Lists in the plan's (transposed) axis order.
/// Fields that only nnU-Net's preprocessing needs are empty where the plan lacks them.
struct Configuration {
  std::string name;
  std::vector<std::int64_t> patch_size;  ///< 2 or 3 axes
  std::vector<double> spacing_mm;
  std::vector<std::string> normalization_schemes;  ///< per channel
  std::vector<bool> use_mask_for_norm;             ///< per channel
  std::string previous_stage;                      ///< of a cascade; else empty
  UNet network;                                    ///< channel counts not yet set
  Json json;                                       ///< everything, e.g. resampling functions
};

/// Of one channel, over the foreground of the training set.
struct IntensityProperties {
  double mean = 0;
  double std = 0;
  double percentile_00_5 = 0;
  double percentile_99_5 = 0;
};

/// A plans.json of nnU-Net v2 or nnInteractive, or what says the same of version 1 (plans_v1.h).
struct Plans {
  std::string dataset_name;
  std::string plans_name;
  std::vector<int> transpose_forward;
  std::vector<int> transpose_backward;
  std::vector<IntensityProperties> intensity_properties;  ///< per channel; may be empty
  int generation = 2;                                     ///< nnU-Net's version: 1 or 2
  Json json;

  std::vector<std::string> configuration_names() const;
  /// Throws Error(not_found) with the names there are; Error(bad_input) for circular inheritance.
  Configuration configuration(std::string_view name) const;
};

Plans parse_plans(std::string_view text, std::string_view what);
Plans plans_from_json(Json json, std::string_view what);

}  // namespace sagittal::nn
