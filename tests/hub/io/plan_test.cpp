#include "hub/io/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/bytes.h"
#include "expect_error.h"
#include "hub/io/host_workflow.h"
#include "hub/model_source.h"

namespace sagittal::hub {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = NeededInput::Kind;

const std::string kTail = "\nmodules: {DataOrganizer: {targets: ['dicomseg-->[i:sid]/x.seg.dcm']}}";

WorkflowPlan plan(const std::string& yaml, const std::vector<std::string>& modalities = {"CT"}) {
  return plan_of("sample", "default", yaml, modalities);
}

WorkflowPlan structured(const std::string& patterns, const std::string& model = "sample") {
  return plan_of(model, "default",
                 "execute:\n- module: FileStructureImporter\n  structures: [" + patterns +
                     "]\n- module: NiftiConverter\n  in_datas: dicom:part=ADC|T2\n- DataOrganizer" + kTail,
                 {"MR"});
}

std::vector<std::string> places(const WorkflowPlan& plan) {
  std::vector<std::string> out;
  for (const NeededInput& input : plan.inputs) out.push_back(describe(input) + " at " + input.place);
  return out;
}

TEST(WorkflowPlan, ADicomModelTakesOneSeries) {
  const WorkflowPlan found =
      plan("execute: [DicomImporter, NiftiConverter, Runner, DsegConverter, DataOrganizer]" + kTail);
  EXPECT_THAT(places(found), ElementsAre("a DICOM series (CT) at $series"));
  EXPECT_TRUE(found.is_dicom);
  EXPECT_EQ(found.targets.size(), 1u);
}

TEST(WorkflowPlan, ASegmentationIsJoinedToItsSeries) {
  EXPECT_THAT(places(plan("execute: [DicomImporter, DsegExtractor, R, DataOrganizer]" + kTail, {"CT", "SEG"})),
              ElementsAre("ct: a DICOM series (CT) at $series", "seg: a DICOM SEG object at $series"));
  EXPECT_THAT(places(plan("execute: [DicomImporter, RTStructExtractor, R, DataOrganizer]" + kTail, {"CT"})),
              ElementsAre("ct: a DICOM series (CT) at $series", "rtstruct: an RTSTRUCT object at $series"));
}

TEST(WorkflowPlan, FoldersNameTheRoles) {
  EXPECT_THAT(places(structured("$patientID@instance/ct@dicom:mod=ct, $patientID/pet@dicom:mod=pt, "
                                "$patientID/T.seg.dcm@dicomseg:mod=seg")),
              ElementsAre("ct: a DICOM series (CT) at $patientID/ct", "pet: a DICOM series (PT) at $patientID/pet",
                          "seg: a DICOM SEG object at $patientID/T.seg.dcm"));
}

TEST(WorkflowPlan, FreeNamesComeFromTheQueries) {
  EXPECT_THAT(places(structured("$patientID/$studyID@instance/$part@bundle@dicom, "
                                "$patientID@instance:studyID=none/ADC$part@bundle@dicom")),
              ElementsAre("adc: a DICOM series (MR) at $patientID/$studyID/ADC",
                          "t2: a DICOM series (MR) at $patientID/$studyID/T2"));
  EXPECT_THAT(places(structured("$sid@instance/$type@dicom:mod=mr", "gc_picai_baseline")),
              ElementsAre(HasSubstr("t2w"), HasSubstr("adc"), HasSubstr("hbv")));
  EXPECT_ERROR(structured("$sid@instance/$unsaid@dicom:mod=mr"), ErrorCode::unsupported);
}

TEST(WorkflowPlan, FilesAreTakenToo) {
  const WorkflowPlan found = structured("image.nrrd@instance@nrrd:mod=ct");
  EXPECT_THAT(places(found), ElementsAre("a file (nrrd) at image.nrrd"));
  EXPECT_FALSE(found.is_dicom);
  EXPECT_THAT(places(plan("execute: [NrrdImporter, R, DataOrganizer]" + kTail)),
              ElementsAre("a file (nrrd) at image.nrrd"));
}

TEST(WorkflowPlan, WhatCannotBePlannedSaysWhy) {
  EXPECT_ERROR(plan("execute: [Runner, DataOrganizer]" + kTail), ErrorCode::unsupported);
  EXPECT_ERROR(plan("execute: [DicomImporter]"), ErrorCode::unsupported);
  EXPECT_ERROR(plan("a: b"), ErrorCode::bad_input);
  EXPECT_ERROR(plan("execute: [{module: [x]}]"), ErrorCode::bad_input);
  EXPECT_ERROR(plan("execute: ['../x']"), ErrorCode::bad_input);
  EXPECT_ERROR(plan("execute: [{module: NrrdImporter, input_file_name: ../../x}, DataOrganizer]" + kTail),
               ErrorCode::bad_input);
  EXPECT_ERROR(structured("ct@dicom:mod=ct"), ErrorCode::unsupported);
}

/// Every workflow of the real repository at ff15765 is planned; the counts are those of its catalogue.
TEST(WorkflowPlan, EveryWorkflowOfTheRealRepositoryIsPlanned) {
  const char* folder = std::getenv("SAGITTAL_MHUB");
  if (folder == nullptr) GTEST_SKIP() << "no checkout of github.com/MHubAI/models (SAGITTAL_MHUB)";
  std::map<std::string, int> defaults, others;
  for (const ModelCard& card : find_in_folder(folder).cards) {
    for (const Workflow& workflow : card.workflows) {
      SCOPED_TRACE(card.name + "/" + workflow.name);
      const WorkflowPlan found = plan_of(card.name, workflow.name, workflow.text, card.modalities());
      EXPECT_FALSE(found.targets.empty());
      std::string words = found.is_dicom ? "dicom" : "files";
      for (const NeededInput& input : found.inputs) words += input.role.empty() ? "" : " " + input.role;
      (workflow.name == "default" ? defaults : others)[words]++;
    }
  }
  EXPECT_EQ(defaults, (std::map<std::string, int>{{"dicom", 23},  // 14 CT, 5 MR, 1 MR or CT, 1 CR, 2 SM
                                                  {"dicom ct pt", 2},
                                                  {"dicom ct pet", 1},
                                                  {"dicom ct seg", 2},
                                                  {"dicom t2w adc hbv", 1},
                                                  {"dicom adc t2", 1}}));
  EXPECT_EQ(others, (std::map<std::string, int>{{"dicom", 2},
                                                {"dicom ct pt seg", 1},
                                                {"dicom ct rtstruct", 2},
                                                {"files", 13},
                                                {"files adc t2w hbv", 1},
                                                {"files ct centroids", 1},
                                                {"files ct gtv", 1},
                                                {"files ct json", 2},
                                                {"files ct pet", 1}}));
}

/// Which models of the real repository take an image that is no DICOM.
TEST(HostWorkflow, RealModelsTakeTheFileThatTheirStepsRead) {
  const char* folder = std::getenv("SAGITTAL_MHUB");
  if (folder == nullptr) GTEST_SKIP() << "no checkout of github.com/MHubAI/models (SAGITTAL_MHUB)";
  std::map<std::string, int> types;
  for (const ModelCard& card : find_in_folder(folder).cards) {
    const Workflow& workflow = card.workflows.front();
    const WorkflowPlan found = plan_of(card.name, workflow.name, workflow.text, card.modalities());
    try {
      const HostWorkflow own = host_workflow(found, "CT");
      EXPECT_EQ(own.plan.inputs.at(0).file_type, own.file_type);
      EXPECT_FALSE(own.plan.targets.empty());
      types[own.file_type]++;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::unsupported);
      types["none"]++;
    }
  }
  EXPECT_EQ(types, (std::map<std::string, int>{{"nifti", 15}, {"mha", 6}, {"none", 9}}));
}

}  // namespace
}  // namespace sagittal::hub
