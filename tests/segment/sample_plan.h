#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "segment/plan.h"

namespace sagittal::segment {

/// A model folder as it would be read, of one channel and a network of two stages; tests change parts of it.
struct SampleModel {
  Json configuration = Json::parse(R"({"patch_size": [4, 4, 4], "spacing": [1, 1, 1],
    "normalization_schemes": ["NoNormalization"], "use_mask_for_norm": [false],
    "UNet_class_name": "PlainConvUNet", "UNet_base_num_features": 4, "unet_max_num_features": 8,
    "n_conv_per_stage_encoder": [1, 1], "n_conv_per_stage_decoder": [1],
    "pool_op_kernel_sizes": [[1, 1, 1], [2, 2, 2]], "conv_kernel_sizes": [[3, 3, 3], [3, 3, 3]]})");
  Json plans = Json::object();
  std::string dataset = R"({"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1}})";

  nn::ModelFolder read() const {
    nn::ModelFolder model;
    Json all = plans;
    all["configurations"]["3d_fullres"] = configuration;
    model.plans = nn::parse_plans(all.dump(), "plans.json");
    model.configuration = model.plans.configuration("3d_fullres");
    model.dataset = nn::parse_dataset(dataset, "dataset.json");
    return model;
  }
  Plan plan() const { return read_plan(read()); }
};

}  // namespace sagittal::segment
