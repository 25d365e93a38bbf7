#include "nn/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::nn {
namespace {

using testing::ElementsAre;

Dataset parse(std::string_view labels, std::string_view rest = "") {
  return parse_dataset(std::string(R"({"channel_names": {"0": "CT", "1": "PET"}, "labels": )") + std::string(labels) +
                           std::string(rest) + "}",
                       "dataset.json");
}

TEST(Dataset, LabelsAreHeads) {
  const Dataset dataset = parse(R"({"background": 0, "spleen": 2, "liver": 1})");
  EXPECT_THAT(dataset.channel_names, ElementsAre("CT", "PET"));
  EXPECT_EQ(dataset.heads(), 3);
  EXPECT_THAT(dataset.foreground(), ElementsAre(1, 2));
  EXPECT_EQ(dataset.name_of(1), "liver");
  EXPECT_EQ(dataset.name_of(3), "");
  EXPECT_FALSE(dataset.has_regions());
}

TEST(Dataset, IgnoreIsNoHead) {
  const Dataset dataset = parse(R"({"background": 0, "liver": 1, "ignore": 2})");
  EXPECT_EQ(dataset.heads(), 2);
  EXPECT_EQ(dataset.ignore_label, 2);
}

TEST(Dataset, RegionsKeepTheOrderOfTheFile) {
  const Dataset dataset = parse(R"({"background": 0, "whole": [1, 2, 3], "core": [2, 3], "active": 3})",
                                R"(, "regions_class_order": [1, 2, 3])");
  EXPECT_EQ(dataset.heads(), 3);
  EXPECT_EQ(dataset.labels[0].name, "whole");
  EXPECT_EQ(dataset.labels[2].name, "active");
  EXPECT_THAT(dataset.regions_class_order, ElementsAre(1, 2, 3));
  EXPECT_EQ(dataset.name_of(2), "core");
}

TEST(Dataset, TheFirstVersionNamesLabelsTheOtherWayRound) {
  const Dataset dataset =
      parse_dataset(R"({"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "edema"}})", "dataset.json");
  EXPECT_THAT(dataset.channel_names, ElementsAre("MRI"));
  EXPECT_EQ(dataset.name_of(1), "edema");
  EXPECT_EQ(dataset.heads(), 2);
}

TEST(Dataset, AKeyThatStandsTwiceIsRefused) {
  EXPECT_ERROR(parse(R"({"background": 0, "liver": 1, "liver": 2})"), ErrorCode::bad_input);
  EXPECT_ERROR(parse(R"({"background": 0, "liver": 1, "liver": 1})"), ErrorCode::bad_input);
  EXPECT_ERROR(parse(R"({"background": 0, "liver": 1})", R"(, "labels": {"background": 0, "spleen": 1})"),
               ErrorCode::bad_input);
}

TEST(Dataset, ContradictionsAreRefused) {
  for (const char* labels :
       {"[]", R"({"a": -1})", R"({"a": 1.5})", R"({"a": 65535})", R"({"a": []})", R"({"a": {}})", R"({"a": 2})",
        R"({"x": "liver"})", R"({"ignore": [1, 2]})", R"({"a": [1, 2]})", R"({"a": [1, "2"]})", "null"}) {
    EXPECT_ERROR(parse(labels), ErrorCode::bad_input);
  }
  EXPECT_ERROR(parse(R"({"a": [1, 2]})", R"(, "regions_class_order": [1, 2])"), ErrorCode::bad_input);
  EXPECT_ERROR(parse(R"({"a": [1, 2]})", R"(, "regions_class_order": [-1])"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_dataset(R"({"channel_names": {"1": "CT"}, "labels": {}})", "dataset.json"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_dataset("[]", "dataset.json"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_dataset("{", "dataset.json"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::nn
