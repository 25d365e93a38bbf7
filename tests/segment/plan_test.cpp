#include "segment/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "segment/sample_plan.h"

namespace sagittal::segment {
namespace {

using testing::ElementsAre;

TEST(Plan, DefaultsAreNnunets) {
  const Plan plan = SampleModel().plan();
  EXPECT_EQ(plan.data.order, 3);
  EXPECT_EQ(plan.labels.order, 1);
  EXPECT_EQ(plan.logits.order, 1);
  EXPECT_FALSE(plan.data.separate_z.has_value());
  EXPECT_FALSE(plan.reorient);
  EXPECT_THAT(plan.transpose, ElementsAre(0U, 1U, 2U));
}

TEST(Plan, TheTwoDimensionalOneKeepsTheFirstAxis) {
  SampleModel model;
  model.configuration["patch_size"] = {4, 8};
  model.configuration["spacing"] = {0.5, 0.75};
  model.configuration["pool_op_kernel_sizes"] = {{1, 1}, {2, 2}};
  model.configuration["conv_kernel_sizes"] = {{3, 3}, {3, 3}};
  const Plan plan = model.plan();
  EXPECT_EQ(plan.dimensions, 2);
  EXPECT_THAT(plan.patch, ElementsAre(1, 4, 8));
  EXPECT_THAT(plan.target_spacing({5, 1, 1}), ElementsAre(5, 0.5, 0.75));
}

TEST(Plan, NothingUnknownIsGuessed) {
  const auto refused = [](const char* key, const Json& value) {
    SampleModel model;
    model.configuration[key] = value;
    EXPECT_ERROR(model.plan(), ErrorCode::unsupported);
  };
  refused("normalization_schemes", {"MyNormalization"});
  refused("resampling_fn_data", "my_resampling");
  refused("resampling_fn_probabilities_kwargs", {{"order", 2}});
  refused("resampling_fn_probabilities_kwargs", {{"order", 3}});
  refused("resampling_fn_data_kwargs", {{"order_z", 1}});
  refused("preprocessor_name", "MyPreprocessor");
  SampleModel model;
  model.plans["image_reader_writer"] = "Tiff3DIO";
  EXPECT_ERROR(model.plan(), ErrorCode::unsupported);
}

TEST(Plan, ContradictionsAreBadInput) {
  const auto refused = [](const char* key, const Json& value) {
    SampleModel model;
    model.configuration[key] = value;
    EXPECT_ERROR(model.plan(), ErrorCode::bad_input);
  };
  refused("spacing", {1, 1});
  refused("spacing", {1, 0, 1});
  refused("spacing", {1, -1, 1});
  refused("normalization_schemes", Json::array());
  refused("normalization_schemes", {"CTNormalization"});  // without intensities
  refused("use_mask_for_norm", {false, false});
  refused("resampling_fn_data_kwargs", {{"force_separate_z", "yes"}});
  for (const Json& order : {Json{0, 1}, Json{0, 1, 1}, Json{1, 2, 3}}) {
    SampleModel model;
    model.plans["transpose_forward"] = order;
    EXPECT_ERROR(model.plan(), ErrorCode::bad_input);
  }
  SampleModel model;
  model.plans["transpose_forward"] = {1, 2, 0};
  model.plans["transpose_backward"] = {1, 2, 0};
  EXPECT_ERROR(model.plan(), ErrorCode::bad_input);
}

TEST(Plan, OverwritesTheReader) {
  SampleModel model;
  model.plans["image_reader_writer"] = "SimpleITKIO";
  model.dataset =
      R"({"channel_names": {"0": "CT"}, "labels": {}, "overwrite_image_reader_writer": "NibabelIOWithReorient"})";
  EXPECT_TRUE(model.plan().reorient);
}

TEST(SeparateAxis, IsTheCoarsestOfAnisotropicSpacing) {
  const Resampling automatic;
  EXPECT_EQ(separate_axis(automatic, {5, 1, 1}, {1, 1, 1}), 0);
  EXPECT_EQ(separate_axis(automatic, {1, 1, 4}, {1, 1, 1}), 2);
  EXPECT_EQ(separate_axis(automatic, {3, 1, 1}, {1, 1, 1}), -1);  // not more than three times
  EXPECT_EQ(separate_axis(automatic, {1, 1, 1}, {1, 5, 1}), 1);   // the new spacing counts as well
  EXPECT_EQ(separate_axis(automatic, {5, 5, 1}, {1, 1, 9}), -1);  // two axes are equally coarse
  EXPECT_EQ(separate_axis({.separate_z = false}, {5, 1, 1}, {1, 1, 1}), -1);
  EXPECT_EQ(separate_axis({.separate_z = true}, {2, 1, 1}, {1, 1, 1}), 0);
  EXPECT_EQ(separate_axis({.separate_z = true}, {2, 2, 2}, {1, 1, 1}), -1);
}

TEST(ResampledShape, RoundsHalvesToEven) {
  EXPECT_THAT(resampled_shape({5, 7, 10}, {1, 1, 1}, {2, 2, 3}), ElementsAre(2, 4, 3));
  EXPECT_ERROR(resampled_shape({5, 7, 10}, {1, 1, 1}, {1, 1, 100}), ErrorCode::bad_input);
  EXPECT_ERROR(resampled_shape({512, 512, 512}, {1, 1, 1}, {0.1, 0.1, 0.1}), ErrorCode::too_large);
  EXPECT_ERROR(resampled_shape({512, 512, 512}, {1, 1, 1}, {1e-300, 1e-300, 1e-300}), ErrorCode::too_large);
}

}  // namespace
}  // namespace sagittal::segment
