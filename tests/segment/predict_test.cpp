#include "segment/predict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"
#include "segment/ensemble.h"
#include "segment/postprocess.h"
#include "segment/sample_network.h"
#include "segment/sample_plan.h"

namespace sagittal::segment {
namespace {

using testing::ElementsAre;

Volume volume_of(const Index3& size, const std::vector<float>& values, const Vec3& spacing = {1, 1, 1}) {
  Geometry geometry;
  geometry.size = size;
  geometry.spacing_mm = spacing;
  return make_volume<float>(geometry, values);
}

/// A model whose network answers by a rule.
Model model_of(const SampleModel& sample, int heads, SampleNetwork::Rule rule, int channels = 1) {
  Model model;
  model.folder = sample.read();
  model.plan = read_plan(model.folder);
  model.networks.push_back(std::make_shared<SampleNetwork>(channels, heads, std::move(rule)));
  return model;
}

std::vector<int> labels_in(const Volume& labels) {
  std::vector<int> out;
  visit_voxels(labels, [&](const auto& voxels) {
    for (const auto voxel : voxels) out.push_back(static_cast<int>(voxel));
  });
  return out;
}

class Predict : public testing::Test {
 protected:
  std::vector<int> run(const Model& model, const Volume& volume, PredictOptions options = {}) {
    return labels_in(predict(model, std::span(&volume, 1), options, pool_));
  }
  ThreadPool pool_{2};
};

TEST_F(Predict, TheLargestLogitWinsAndTheLowerOfEquals) {
  SampleModel sample;
  sample.dataset = R"({"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 2}})";
  const Model model = model_of(sample, 3, [](int head, float x) { return head == 0 ? 2.0f : x; });
  EXPECT_THAT(run(model, volume_of({4, 1, 1}, {1, 2, 3, 2.5f})), ElementsAre(0, 0, 1, 1));
}

TEST_F(Predict, RegionsArePaintedInTheirOrder) {
  SampleModel sample;
  sample.dataset = R"({"channel_names": {"0": "CT"}, "labels": {"background": 0, "whole": [1, 2], "core": 2},
                       "regions_class_order": [1, 2]})";
  const Model model = model_of(sample, 2, [](int head, float x) { return head == 0 ? x - 1 : x - 3; });
  EXPECT_THAT(run(model, volume_of({4, 1, 1}, {1, 2, 3, 4})), ElementsAre(0, 1, 1, 2));
}

TEST_F(Predict, GivesTheImagesOwnGrid) {
  SampleModel sample;
  sample.plans["transpose_forward"] = {1, 2, 0};
  sample.plans["transpose_backward"] = {2, 0, 1};
  const Model model = model_of(sample, 2, [](int head, float x) { return head == 0 ? 2.5f : x; });
  std::vector<float> values(2 * 3 * 5, 0.0f);
  values[7] = 4;
  values[16] = 3;
  values[17] = 1;
  std::vector<int> expected(values.size(), 0);
  expected[7] = expected[16] = 1;
  const Volume volume = volume_of({5, 3, 2}, values);
  EXPECT_EQ(run(model, volume), expected);
  const Volume labels = predict(model, std::span(&volume, 1), {}, pool_);
  EXPECT_EQ(labels.geometry(), volume.geometry());
  EXPECT_EQ(labels.type(), ScalarType::u8);
}

TEST_F(Predict, LogitsComeBackFromAnotherSpacing) {
  SampleModel sample;
  sample.configuration["spacing"] = {1, 1, 2};
  const Model model = model_of(sample, 2, [](int head, float x) { return head == 0 ? 5.0f : x; });
  // Ten voxels of 1 mm become five of 2 mm and ten again: a ramp stays one, but for its ends.
  EXPECT_THAT(run(model, volume_of({10, 1, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})),
              ElementsAre(0, 0, 0, 0, 0, 1, 1, 1, 1, 1));
}

TEST_F(Predict, ManyLabelsNeedTwoBytes) {
  SampleModel sample;
  Json labels{{"background", 0}};
  for (int label = 1; label < 256; ++label) labels[std::to_string(label) + " "] = label;
  sample.dataset = Json{{"channel_names", {{"0", "CT"}}}, {"labels", labels}}.dump();
  const Model model =
      model_of(sample, 256, [](int head, float x) { return head == static_cast<int>(x) ? 1.0f : 0.0f; });
  EXPECT_THAT(run(model, volume_of({3, 1, 1}, {255, 1, 7})), ElementsAre(255, 1, 7));
}

TEST_F(Predict, ACascadeNeedsItsFirstStage) {
  SampleModel sample;
  Model model = model_of(
      sample, 2, [](int head, float x) { return head == 0 ? 2.5f : x; }, 2);
  model.previous_labels = {1};
  model.previous_stage = "3d_lowres";
  const Volume volume = volume_of({2, 1, 1}, {1, 4});
  EXPECT_ERROR(run(model, volume), ErrorCode::wrong_usage);
  EXPECT_THAT(run(model, volume, {.previous = &volume}), ElementsAre(0, 1));
  model.previous_labels.clear();
  EXPECT_ERROR(run(model, volume, {.previous = &volume}), ErrorCode::wrong_usage);
}

TEST_F(Predict, ModelsTogetherAnswerByTheMeanOfTheirProbabilities) {
  SampleModel turned;
  turned.plans["transpose_forward"] = {2, 0, 1};
  turned.plans["transpose_backward"] = {1, 2, 0};
  // The first is nearly sure of label 0 below 3, the second of label 1 above 1; between them the surer one wins.
  const Model low = model_of(SampleModel(), 2, [](int head, float x) { return head == 1 ? 2 * (x - 3) : 0.0f; });
  const Model high = model_of(turned, 2, [](int head, float x) { return head == 1 ? x - 1 : 0.0f; });
  const std::array members{Member{&low}, Member{&high}};
  std::vector<float> values(2 * 3 * 4, 0.0f);  // zeros outside of 0.5, 2.1 and 4 in the middle
  values[13] = 0.5f;
  values[14] = 2.1f;
  values[17] = 4;
  const Volume volume = volume_of({4, 3, 2}, values);
  std::vector<int> expected(values.size(), 0);
  expected[17] = 1;
  EXPECT_EQ(labels_in(predict_together(members, std::span(&volume, 1), {}, pool_)), expected);
  const std::array twice{Member{&high}, Member{&high}};
  EXPECT_EQ(labels_in(predict_together(twice, std::span(&volume, 1), {}, pool_)), run(high, volume));
}

TEST_F(Predict, ModelsOfOtherLabelsCannotAnswerTogether) {
  SampleModel other;
  other.dataset = R"({"channel_names": {"0": "CT"}, "labels": {"background": 0, "spleen": 1}})";
  const Model liver = model_of(SampleModel(), 2, [](int, float x) { return x; });
  const Model spleen = model_of(other, 2, [](int, float x) { return x; });
  const std::array members{Member{&liver}, Member{&spleen}};
  const Volume volume = volume_of({1, 1, 1}, {1});
  EXPECT_ERROR(predict_together(members, std::span(&volume, 1), {}, pool_), ErrorCode::wrong_usage);
}

TEST_F(Predict, AStepOutsideOfATileIsRefused) {
  const Model model = model_of(SampleModel(), 2, [](int, float x) { return x; });
  EXPECT_ERROR(run(model, volume_of({1, 1, 1}, {1}), {.step = 0}), ErrorCode::wrong_usage);
  EXPECT_ERROR(run(model, volume_of({1, 1, 1}, {1}), {.step = 1.5}), ErrorCode::wrong_usage);
}

TEST(Postprocess, KeepsTheLargestComponent) {
  Geometry geometry;
  geometry.size = {8, 1, 1};
  const std::vector<std::uint8_t> labels{1, 0, 2, 1, 0, 2, 2, 2};
  const Volume volume = make_volume<std::uint8_t>(geometry, labels);
  const auto apply = [&](const char* text) {
    return labels_in(postprocess(volume, parse_postprocessing(text, "test")));
  };
  EXPECT_THAT(apply(R"({"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
                        "postprocessing_kwargs": [{"labels_or_regions": [1, 2]}]})"),
              ElementsAre(0, 0, 0, 0, 0, 2, 2, 2));
  EXPECT_THAT(apply(R"({"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
                        "postprocessing_kwargs": [{"labels_or_regions": 1, "background_label": 2}]})"),
              ElementsAre(1, 0, 2, 2, 0, 2, 2, 2));
  EXPECT_THAT(apply(R"({"postprocessing_fns": [], "postprocessing_kwargs": []})"), ElementsAre(1, 0, 2, 1, 0, 2, 2, 2));
}

TEST(Postprocess, StepsOfVersionOneKeepEqualsAndWhatIsLargeEnough) {
  Geometry geometry;
  geometry.size = {9, 1, 1};
  geometry.spacing_mm = {2, 1, 1};
  const std::vector<std::uint8_t> labels{1, 1, 0, 2, 2, 0, 1, 0, 1};
  const Volume volume = make_volume<std::uint8_t>(geometry, labels);
  const auto apply = [&](const char* text) {
    return labels_in(postprocess(volume, parse_postprocessing(text, "test")));
  };
  EXPECT_THAT(apply(R"({"for_which_classes": [1]})"), ElementsAre(1, 1, 0, 2, 2, 0, 0, 0, 0));
  EXPECT_THAT(apply(R"({"for_which_classes": [[1, 2]], "min_valid_object_sizes": "None"})"),
              ElementsAre(1, 1, 0, 2, 2, 0, 0, 0, 0));
  EXPECT_THAT(apply(R"({"for_which_classes": [1], "min_valid_object_sizes": "{1: 2.0}"})"),
              ElementsAre(1, 1, 0, 2, 2, 0, 1, 0, 1));
  EXPECT_THAT(apply(R"({"for_which_classes": [[1, 2], 2], "min_valid_object_sizes": "{(1, 2): 2.5, 2: 0}"})"),
              ElementsAre(1, 1, 0, 2, 2, 0, 0, 0, 0));
}

TEST(Postprocess, BrokenSizesOfVersionOneAreRefused) {
  for (const char* sizes : {"", "{", "{1}", "{1: }", "{1: x}", "{(1, 2: 3}", "{2: 3}", "{1: 2 3}"}) {
    const Json json{{"for_which_classes", {1}}, {"min_valid_object_sizes", sizes}};
    EXPECT_ERROR(parse_postprocessing(json.dump(), "t"), ErrorCode::bad_input);
  }
}

TEST(Postprocess, OtherStepsAreRefused) {
  EXPECT_ERROR(parse_postprocessing(R"({"postprocessing_fns": ["f"], "postprocessing_kwargs": [{}]})", "t"),
               ErrorCode::unsupported);
  for (const char* text : {"{}", "[]", R"({"postprocessing_fns": ["f"], "postprocessing_kwargs": []})",
                           R"({"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
                               "postprocessing_kwargs": [{"labels_or_regions": [70000]}]})",
                           R"({"postprocessing_fns": ["remove_all_but_largest_component_from_segmentation"],
                               "postprocessing_kwargs": [{}]})"}) {
    EXPECT_ERROR(parse_postprocessing(text, "t"), ErrorCode::bad_input);
  }
}

}  // namespace
}  // namespace sagittal::segment
