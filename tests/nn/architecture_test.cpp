#include "nn/architecture.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "nn/cost.h"
#include "nn/hashed_tensors.h"
#include "nn/plans.h"

namespace sagittal::nn {
namespace {

Json kwargs() {
  return {{"n_stages", 2},
          {"features_per_stage", {4, 8}},
          {"conv_op", "torch.nn.modules.conv.Conv3d"},
          {"kernel_sizes", 3},
          {"strides", {1, {2, 2, 2}}},
          {"n_conv_per_stage", 1},
          {"n_conv_per_stage_decoder", {1}},
          {"conv_bias", true},
          {"norm_op", "torch.nn.modules.instancenorm.InstanceNorm3d"},
          {"norm_op_kwargs", {{"eps", 1e-5}, {"affine", true}}},
          {"nonlin", "torch.nn.LeakyReLU"},
          {"nonlin_kwargs", {{"inplace", true}}}};
}

Json configuration(const Json& changes = Json::object(), const char* network = "a.PlainConvUNet") {
  Json all = kwargs();
  all.merge_patch(changes);
  return {{"patch_size", {8, 8, 8}}, {"architecture", {{"network_class_name", network}, {"arch_kwargs", all}}}};
}

UNet plain() {
  UNet network = parse_architecture(configuration(), "plan");
  network.input_channels = 2;
  return network;
}

TEST(Architecture, ScalarsStandForEveryStageAndAxis) {
  const UNet network = plain();
  EXPECT_EQ(network.encoder[1].kernel, (SpatialSize{3, 3, 3}));
  EXPECT_EQ(network.encoder[0].stride, (SpatialSize{1, 1, 1}));
  EXPECT_EQ(network.total_stride(), (SpatialSize{2, 2, 2}));
  EXPECT_EQ(network.negative_slope, 0.01);
}

TEST(Architecture, DefaultsAreThoseOfTheOriginal) {
  const UNet network = parse_architecture(
      configuration({{"norm_op_kwargs", nullptr}, {"conv_bias", nullptr}, {"nonlin", "torch.nn.ReLU"}}), "plan");
  EXPECT_FALSE(network.norm_affine);
  EXPECT_FALSE(network.convolution_bias);
  EXPECT_EQ(network.negative_slope, 0.0);
}

TEST(Architecture, WhatTheEngineLacksIsUnsupported) {
  for (const Json& change : std::vector<Json>{{{"norm_op", "torch.nn.BatchNorm3d"}},
                                              {{"norm_op", nullptr}},
                                              {{"nonlin", "torch.nn.GELU"}},
                                              {{"dropout_op", "torch.nn.Dropout3d"}},
                                              {{"conv_op", "torch.nn.modules.conv.Conv1d"}},
                                              {{"kernel_sizes", 2}},
                                              {{"strides", 2}},
                                              {{"n_stages", 6},
                                               {"features_per_stage", 4},
                                               {"strides", {1, 8, 8, 8, 8, 1}},
                                               {"n_conv_per_stage_decoder", 1}},
                                              {{"pool", "max"}},
                                              {{"norm_op_kwargs", {{"track_running_stats", true}}}}}) {
    EXPECT_ERROR(parse_architecture(configuration(change), "plan"), ErrorCode::unsupported);
  }
  EXPECT_ERROR(parse_architecture(configuration({}, "a.Primus"), "plan"), ErrorCode::unsupported);
}

TEST(Architecture, ContradictionsAreErrors) {
  for (const Json& change : std::vector<Json>{{{"features_per_stage", {4, 8, 16}}},
                                              {{"features_per_stage", {4, -8}}},
                                              {{"features_per_stage", {4, 1e9}}},
                                              {{"n_stages", 1000000}},
                                              {{"kernel_sizes", {{3, 3}, {3, 3}}}},
                                              {{"n_conv_per_stage", {1, 1000000}}},
                                              {{"n_conv_per_stage", nullptr}},
                                              {{"n_conv_per_stage_decoder", "many"}},
                                              {{"conv_bias", "yes"}}}) {
    EXPECT_ERROR(parse_architecture(configuration(change), "plan"), ErrorCode::bad_input);
  }
}

TEST(Plans, InheritanceIsResolvedAndCirclesAreErrors) {
  Json plans{{"dataset_name", "D"}, {"configurations", {{"base", configuration()}}}};
  plans["configurations"]["child"] = {{"inherits_from", "base"}, {"patch_size", {16, 16, 16}}};
  plans["configurations"]["circle"] = {{"inherits_from", "circle"}};
  plans["configurations"]["orphan"] = {{"inherits_from", "nobody"}};
  const Plans parsed = parse_plans(plans.dump(), "plans.json");
  EXPECT_EQ(parsed.configuration("child").patch_size, (std::vector<std::int64_t>{16, 16, 16}));
  EXPECT_EQ(parsed.configuration("child").network.encoder.size(), 2U);
  EXPECT_ERROR(parsed.configuration("circle"), ErrorCode::bad_input);
  EXPECT_ERROR(parsed.configuration("orphan"), ErrorCode::bad_input);
  EXPECT_ERROR(parsed.configuration("unknown"), ErrorCode::not_found);
}

TEST(Plans, FieldsOfTheWrongTypeAreErrors) {
  EXPECT_ERROR(parse_plans("[]", "plans.json"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_plans(R"({"configurations": 3})", "plans.json"), ErrorCode::bad_input);
  Json plans{{"configurations", {{"a", configuration()}}}};
  plans["configurations"]["a"]["patch_size"] = {8, 0, 8};
  EXPECT_ERROR(parse_plans(plans.dump(), "plans.json").configuration("a"), ErrorCode::bad_input);
  plans["configurations"]["a"]["patch_size"] = {8, 8};
  EXPECT_ERROR(parse_plans(plans.dump(), "plans.json").configuration("a"), ErrorCode::bad_input);
}

TEST(SelectParameters, TakesAnyAliasAndRefusesTheRest) {
  const UNet network = plain();
  StateDict weights = hashed::weights(network);
  const auto rename = [&](const std::string& from, const std::string& to) {
    auto node = weights.tensors.extract(from);
    node.key() = to;
    weights.tensors.insert(std::move(node));
  };
  rename("encoder.stages.0.0.convs.0.conv.weight", "decoder.encoder.stages.0.0.convs.0.all_modules.0.weight");
  EXPECT_EQ(select_parameters(network, weights).tensors.size(), parameters_of(network).size());

  weights.add("encoder.stages.0.0.convs.0.conv.weight", {4, 2, 3, 3, 3}, std::vector<float>(4 * 2 * 27));
  EXPECT_ERROR(select_parameters(network, weights), ErrorCode::bad_input);

  weights = hashed::weights(network);
  weights.add("something.else", {1}, {0});
  EXPECT_ERROR(select_parameters(network, weights), ErrorCode::bad_input);

  weights = hashed::weights(network);
  weights.tensors.erase("decoder.transpconvs.0.bias");
  EXPECT_ERROR(select_parameters(network, weights), ErrorCode::bad_input);

  weights = hashed::weights(network);
  weights.add("decoder.transpconvs.0.bias", {5}, std::vector<float>(5));
  EXPECT_ERROR(select_parameters(network, weights), ErrorCode::bad_input);
}

TEST(SetChannelsFromWeights, ReadsThemOffTheFirstAndTheLastLayer) {
  UNet network = plain();
  const StateDict weights = hashed::weights(network);
  network.input_channels = network.output_channels = 0;
  set_channels_from_weights(network, weights);
  EXPECT_EQ(network.input_channels, 2);
  EXPECT_EQ(network.output_channels, 2);
  EXPECT_ERROR(set_channels_from_weights(network, StateDict{}), ErrorCode::bad_input);
}

TEST(Cost, CountsWhatAPassMultiplies) {
  // 27 taps: 2 -> 4 at 8^3 and 4 -> 8 at 4^3; up 8 -> 4 on 4^3 x 8 voxels; 27 taps 8 -> 4 at 8^3; head 4 -> 2.
  const double expected = 512.0 * 27 * 8 + 64.0 * 27 * 32 + 512.0 * 32 + 512.0 * 27 * 32 + 512.0 * 8;
  EXPECT_EQ(multiply_adds(plain(), {8, 8, 8}), expected);
}

}  // namespace
}  // namespace sagittal::nn
