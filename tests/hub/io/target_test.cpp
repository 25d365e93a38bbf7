#include "hub/io/target.h"

#include <gtest/gtest.h>

#include "expect_error.h"

namespace sagittal::hub {
namespace {

const Attributes kInstance{{"sid", "1.2.3"}, {"patientID", "p"}};
const DataType kData{.file = "nifti", .meta = {{"roi", "LIVER"}}};

std::string filled(const char* path) {
  return TargetPath(path).fill(kInstance, kData, "model/out.seg.nii.gz", "r4nd0m");
}

TEST(TargetPath, PlaceholdersAreFilled) {
  EXPECT_EQ(filled("[i:sid]/x.seg.dcm"), "1.2.3/x.seg.dcm");
  EXPECT_EQ(filled("[d:roi].[filext]"), "LIVER.seg.nii.gz");
  EXPECT_EQ(filled("[filename]_[random]"), "out_r4nd0m");
  EXPECT_EQ(filled("[i:patientID]/[path]"), "p/model/out.seg.nii.gz");
  EXPECT_EQ(filled("[basename]"), "out.seg.nii.gz");
  EXPECT_EQ(filled("/app/data/output_data/[basename]"), "out.seg.nii.gz");
  EXPECT_EQ(filled("a[b]c["), "a[b]c[") << "what is no placeholder";
  EXPECT_ERROR(filled("[i:none]/x"), ErrorCode::bad_input);
}

TEST(TargetPath, NothingLeavesTheOutputFolder) {
  for (const char* path : {"", "/etc/x", "../x", "a//b", "a/../b", "a/"})
    EXPECT_ERROR(TargetPath{path}, ErrorCode::bad_input);
  for (const char* sid : {"..", "../..", "", "/etc", "a/../../b"}) {
    EXPECT_ERROR(TargetPath("[i:sid]/x").fill({{"sid", sid}}, kData, "f", "r"), ErrorCode::bad_input);
  }
}

TEST(TargetPath, AFileIsKnownByWhatTheHostKnows) {
  const auto fits = [](const char* target, const char* path) { return TargetPath(target).fits(path, kInstance); };
  EXPECT_TRUE(fits("[i:sid]/x.seg.dcm", "1.2.3/x.seg.dcm"));
  EXPECT_FALSE(fits("[i:sid]/x.seg.dcm", "1.2.4/x.seg.dcm"));
  EXPECT_TRUE(fits("[d:roi].nii.gz", "HEART.nii.gz"));
  EXPECT_FALSE(fits("[d:roi].nii.gz", ".nii.gz"));
  EXPECT_FALSE(fits("[d:roi].nii.gz", "a/HEART.nii.gz")) << "one folder only";
  EXPECT_TRUE(fits("prob/[path]", "prob/a/b.nrrd"));
  EXPECT_TRUE(fits("[i:unknown]/x", "anything/x"));
  EXPECT_FALSE(fits("x", "xx"));
  EXPECT_TRUE(TargetPath("[d:a][d:a][d:a][d:a][d:a][d:a][d:a][d:a]z").fits(std::string(2000, 'a') + 'z', {}))
      << "no blow-up";
}

TEST(Target, IsAQueryAndAPath) {
  const Target target = parse_target("DICOMSEG:mod=seg-->[i:sid]/x.seg.dcm");
  EXPECT_TRUE(target.query.matches(parse_data_type("dicomseg:mod=seg")));
  EXPECT_EQ(target.path.fill(kInstance, kData, "f", "r"), "1.2.3/x.seg.dcm");
  EXPECT_ERROR(parse_target("nifti"), ErrorCode::bad_input);
  EXPECT_ERROR(parse_target("nifti-->"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::hub
