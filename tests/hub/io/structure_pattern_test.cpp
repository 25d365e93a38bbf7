#include "hub/io/structure_pattern.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::hub {
namespace {

using Kind = StructureLevel::Kind;

TEST(StructurePattern, LevelsAreFixedFreeOrTold) {
  const StructurePattern pattern = parse_structure("$patientID@instance:studyID=none/ADC$part@bundle@dicom:mod=mr");
  ASSERT_EQ(pattern.levels.size(), 2u);
  EXPECT_EQ(pattern.levels[0].kind, Kind::free);
  EXPECT_EQ(pattern.levels[0].attribute, "patientID");
  EXPECT_TRUE(pattern.levels[0].is_instance);
  EXPECT_EQ(pattern.levels[0].fixed_attributes, (Attributes{{"studyID", "none"}}));
  EXPECT_EQ(pattern.instance_depth(), 1u);
  EXPECT_EQ(pattern.levels[1].kind, Kind::fixed);
  EXPECT_EQ(pattern.levels[1].text, "ADC");
  EXPECT_EQ(pattern.levels[1].attribute, "part");
  EXPECT_TRUE(pattern.levels[1].is_bundle);
  ASSERT_NE(pattern.data(), nullptr);
  EXPECT_EQ(pattern.data()->file, "dicom");
  EXPECT_EQ(pattern.data()->meta.at("mod"), "mr");
}

TEST(StructurePattern, AFileMayBeACaseByItself) {
  const StructurePattern pattern = parse_structure("image.nrrd@instance@nrrd:mod=ct");
  EXPECT_EQ(pattern.instance_depth(), 1u);
  EXPECT_EQ(name_for(pattern.levels[0]), "image.nrrd");
  EXPECT_EQ(pattern.data()->file, "nrrd");
}

TEST(StructurePattern, OnlyPlainExpressionsTellAName) {
  const auto name = [](const char* text) { return name_for(parse_structure(text).levels.back()); };
  EXPECT_EQ(name("$p@instance/re:^.*\\.nrrd$::@nrrd:mod=ct"), "image.nrrd");
  EXPECT_EQ(name("$p/re:(a+)+b::@json"), std::nullopt);
  EXPECT_EQ(name("$p"), std::nullopt);
  EXPECT_EQ(name("$p/x.csv@csv"), "x.csv");
}

TEST(StructurePattern, WhatIsNoneSaysWhy) {
  for (const char* text : {"", "a//b", "/a", "../a@dicom", "a/./b", "$/a", "$a b", "a@dicom@nifti", "a@dicom:mod",
                           "a@instance:x", "re:", "re:::@json", "re:x::group", "a@dicom:=ct"})
    EXPECT_ERROR(parse_structure(text), ErrorCode::bad_input);
  EXPECT_ERROR(parse_structure(std::string(2000, 'x')), ErrorCode::bad_input);
  EXPECT_ERROR(parse_structure("a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::hub
