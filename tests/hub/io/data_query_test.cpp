#include "hub/io/data_query.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::hub {
namespace {

bool matches(const char* query, const char* type) { return DataQuery(query).matches(parse_data_type(type)); }

constexpr const char* kLiver = "nifti:mod=seg:roi=LIVER,SPLEEN:model=Sample:n=5";

TEST(DataType, IsReadAndWritten) {
  const DataType type = parse_data_type("NIFTI:mod=seg:roi=LIVER,SPLEEN");
  EXPECT_EQ(type.file, "nifti");
  EXPECT_EQ(type.meta.at("roi"), "LIVER,SPLEEN");
  EXPECT_EQ(parse_data_type(to_string(type)), type);
  for (const char* text : {"", ":mod=ct", "nifti:mod", "nifti:=ct", "nifti:", "ni fti"})
    EXPECT_ERROR(parse_data_type(text), ErrorCode::bad_input);
}

TEST(DataQuery, TypesAndValuesHaveAlternatives) {
  for (const char* query :
       {"nifti", "NIFTI:mod=seg", "mha|nifti:mod=SEG", "any:mod=ct|seg", "nifti:roi=*", "nifti:model=sample"})
    EXPECT_TRUE(matches(query, kLiver)) << query;
  for (const char* query : {"dicom", "nifti:mod=ct", "nifti:part=*", "nifti:roi=LIVER", ":mod=seg"})
    EXPECT_FALSE(matches(query, kLiver)) << query;
}

TEST(DataQuery, ListsAreSets) {
  for (const char* query : {"any:roi><SPLEEN,LIVER", "any:roi<=LIVER,SPLEEN,HEART", "any:roi<>HEART,LUNG",
                            "any:roi.length=2", "any:roi.length>1"})
    EXPECT_TRUE(matches(query, kLiver)) << query;
  for (const char* query : {"any:roi><LIVER,HEART", "any:roi<=LIVER,HEART", "any:roi<>HEART,LIVER", "any:mod.length>1"})
    EXPECT_FALSE(matches(query, kLiver)) << query;
}

TEST(DataQuery, NumbersAreCompared) {
  for (const char* query : {"any:n>4", "any:n<6", "any:n<=5", "any:n=5"}) EXPECT_TRUE(matches(query, kLiver)) << query;
  for (const char* query : {"any:n>5", "any:n<5", "any:n<=4", "any:mod>1"})
    EXPECT_FALSE(matches(query, kLiver)) << query;
}

TEST(DataQuery, AMissingKeyIsUnequalToAll) {
  EXPECT_TRUE(matches("any:part!=T2", kLiver));
  EXPECT_FALSE(matches("any:part=T2", kLiver));
  EXPECT_FALSE(matches("any:part<>T2,ADC", kLiver));
  EXPECT_TRUE(matches("any:mod!=SEG", kLiver)) << "!= looks at case";
  EXPECT_FALSE(matches("any:mod!=seg", kLiver));
}

TEST(DataQuery, WordsJoinAndGroup) {
  for (const char* query : {"dicom OR nifti", "nifti AND any:mod=seg", "NOT dicom", "NOT (dicom OR mha) AND nifti",
                            "dicom AND mha OR nifti", "(dicom OR nifti) AND (any:mod=ct OR (any:mod=seg))"})
    EXPECT_TRUE(matches(query, kLiver)) << query;
  for (const char* query :
       {"dicom OR mha", "nifti AND dicom", "NOT nifti", "nifti AND NOT any:mod=seg", "dicom AND (mha OR nifti)"})
    EXPECT_FALSE(matches(query, kLiver)) << query;
}

TEST(DataQuery, WhatIsNoneSaysWhy) {
  for (const char* query : {"", " ", "(", ")", "nifti)", "(nifti", "nifti AND", "OR nifti", "nifti nifti", "NOT",
                            "nifti:", "nifti:mod", "nifti:=ct", "any:n>x"})
    EXPECT_ERROR(DataQuery{query}, ErrorCode::bad_input);
  EXPECT_ERROR(DataQuery{"any:n>=5"}, ErrorCode::unsupported);
  EXPECT_ERROR(DataQuery{"any:mod~=.*"}, ErrorCode::unsupported);
  EXPECT_ERROR(DataQuery{std::string(1500, '(')}, ErrorCode::bad_input);
  EXPECT_ERROR(DataQuery{std::string(5000, 'x')}, ErrorCode::bad_input);
  std::string deep;
  for (int n = 0; n < 300; ++n) deep += "NOT ";
  EXPECT_ERROR(DataQuery{deep + "nifti"}, ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::hub
