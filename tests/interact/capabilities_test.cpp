#include "interact/capabilities.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::interact {
namespace {

Capabilities parse(const std::string& text) { return parse_inference_info(parse_json(text, "test")); }

TEST(Capabilities, AnEmptyFileMeansTheDefaults) {
  const Capabilities can = parse("{}");
  EXPECT_TRUE(can.supports_points && can.supports_scribble && can.supports_lasso && can.supports_bbox2d);
  EXPECT_FALSE(can.supports_bbox3d);
  EXPECT_TRUE(can.supports_initial_label);
  EXPECT_EQ(can.num_interaction_channels, 7);
  EXPECT_EQ(can.scribble.negative, 6);
  EXPECT_EQ(can.interaction_decay, 0.98);
  EXPECT_EQ(can.point_radius, 4);
}

TEST(Capabilities, FieldsAreMergedOverTheDefaults) {
  const Capabilities can = parse(R"({
    "inference_class": "nnInteractiveInferenceSession", "inference_class_min_version": "2.4",
    "supported_interactions": {"bbox3d": true, "lasso": false},
    "channel_mapping": {"bbox3d": [-2, -1], "prev_seg": 0}, "interaction_channels": 8,
    "supports_initial_label": false, "point_radius": 3, "preferred_scribble_thickness": 2.5,
    "interaction_decay": null, "something_new": [1, 2]})");
  EXPECT_TRUE(can.supports_bbox3d && can.supports_points);
  EXPECT_FALSE(can.supports_lasso);
  EXPECT_FALSE(can.supports_initial_label);
  EXPECT_EQ(can.num_interaction_channels, 9);
  EXPECT_EQ(can.bbox3d.positive, 7);
  EXPECT_EQ(can.bbox3d.negative, 8);
  EXPECT_EQ(can.bbox2d.positive, 1);
  EXPECT_EQ(can.point_radius, 3);
  EXPECT_EQ(can.preferred_scribble_thickness[2], 2.5);
  EXPECT_FALSE(can.interaction_decay);
}

TEST(Capabilities, TheNumberOfChannelsFollowsFromTheMapping) {
  EXPECT_EQ(parse(R"({"channel_mapping": {"scribble": [7, 9]}})").num_interaction_channels, 10);
  EXPECT_EQ(parse(R"({"channel_mapping": {"prev_seg": -12, "scribble": [-2, -1]}})").num_interaction_channels, 12);
}

TEST(Capabilities, WhatTheOriginalRefusesIsRefused) {
  for (const char* bad : {
           R"([])",
           R"("nnInteractiveInferenceSession")",
           R"({"inference_class": "Other"})",
           R"({"inference_class_min_version": "2.6.1"})",
           R"({"inference_class_min_version": "2.6.0.1"})",
           R"({"inference_class_min_version": "99999999999999999999"})",
           R"({"inference_class_min_version": 3})",
           R"({"supported_interactions": {"polygon": true}})",
           R"({"supported_interactions": {"points": 1}})",
           R"({"supported_interactions": []})",
           R"({"channel_mapping": {"polygon": [1, 2]}})",
           R"({"channel_mapping": {"points": 3}})",
           R"({"channel_mapping": {"points": [1, 2, 3]}})",
           R"({"channel_mapping": {"points": [1.5, 2]}})",
           R"({"channel_mapping": {"points": [0, 3]}})",
           R"({"channel_mapping": {"points": [1, 1000000000000]}})",
           R"({"channel_mapping": {"points": [1, -2000]}})",
           R"({"channel_mapping": {"prev_seg": [0]}})",
           R"({"channel_mapping": 3})",
           R"({"interaction_channels": 5})",
           R"({"interaction_channels": -1})",
           R"({"interaction_channels": 100000})",
           R"({"point_radius": [3, 5]})",
           R"({"point_radius": 0})",
           R"({"point_radius": 4.5})",
           R"({"point_radius": 1e9})",
           R"({"preferred_scribble_thickness": [1, 2]})",
           R"({"interaction_decay": 0})",
           R"({"interaction_decay": 1.1})",
           R"({"interaction_decay": "fast"})",
       }) {
    EXPECT_ERROR(parse(bad), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse(R"({"pad_mode_image": "reflect"})"), ErrorCode::unsupported);
}

TEST(Capabilities, NewerOrEqualRulesAreEnough) {
  EXPECT_NO_THROW(parse(R"({"inference_class_min_version": "2.6.0"})"));
  EXPECT_NO_THROW(parse(R"({"inference_class_min_version": "v2"})"));
}

TEST(Capabilities, LegacyFilesHaveFourFields) {
  const auto legacy = [](const char* text) { return parse_legacy_session_class(parse_json(text, "test")); };
  EXPECT_EQ(legacy(R"("nnInteractiveInferenceSession")").interaction_decay, 0.9);
  const Capabilities can = legacy(
      R"({"inference_class": "nnInteractiveInferenceSession", "point_radius": 4, "preferred_scribble_thickness": 2})");
  EXPECT_EQ(can.interaction_decay, 0.98);
  EXPECT_EQ(can.preferred_scribble_thickness[1], 2);
  EXPECT_EQ(can.num_interaction_channels, 7);
  EXPECT_ERROR(legacy("3"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::interact
