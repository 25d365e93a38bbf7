#include "hub/io/staging.h"

#include <dcmtk/dcmdata/dcitem.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "expect_error.h"
#include "hub/io/host_workflow.h"
#include "hub/io/sample_scan.h"
#include "io/image_io.h"
#include "io/stored_zip.h"
#include "net/sha256.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kDicom =
    "execute: [DicomImporter, NiftiConverter, Runner, DsegConverter, DataOrganizer]\n"
    "modules: {Runner: {roi: LIVER, fast: true, folds: '0'}, "
    "DataOrganizer: {targets: ['dicomseg-->[i:sid]/x.seg.dcm']}}";
const std::string kRadiomics =
    "execute: [DicomImporter, DsegExtractor, Runner, DataOrganizer]\n"
    "modules: {DataOrganizer: {targets: ['csv-->[i:sid]/x.csv']}}";
const std::string kPair =
    "execute: [FileStructureImporter, NiftiConverter, Runner, DataOrganizer]\n"
    "modules: {FileStructureImporter: {structures: [$patientID@instance/ct@dicom:mod=ct, "
    "$patientID/pet@dicom:mod=pt]}, "
    "DataOrganizer: {targets: ['dicomseg-->[i:patientID]/x.seg.dcm']}}";

class Staging : public testing::Test {
 protected:
  Staged stage(const std::string& yaml, const std::vector<JobInput>& inputs,
               const std::vector<std::string>& modalities = {"CT"}) {
    std::filesystem::remove_all(in_);
    std::filesystem::create_directories(in_);
    return hub::stage(plan_of("sample", "default", yaml, modalities), inputs, in_, {});
  }
  /// Why nothing was staged.
  std::string refusal(const std::string& yaml, const std::vector<JobInput>& inputs,
                      const std::vector<std::string>& modalities = {"CT"}) {
    try {
      stage(yaml, inputs, modalities);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
  std::vector<std::string> staged() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(in_)) {
      EXPECT_FALSE(entry.is_symlink()) << entry.path();
      if (entry.is_regular_file()) out.push_back(entry.path().lexically_relative(in_).string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  const Scratch scratch_;
  const std::filesystem::path in_ = scratch_ / "in";
  const std::filesystem::path scan_ = scratch_ / "scan";
};

TEST_F(Staging, ASeriesLiesByItsUids) {
  SampleScan().write_to(scan_ / "deep" / "er");
  SampleScan::write(scan_ / "notes.txt", {'h', 'i'});
  std::filesystem::create_symlink(scan_ / "deep" / "er" / "1.2.3-IM0_0", scan_ / "again");
  const Staged staged_scan = stage(kDicom, {{.path = scan_}});
  EXPECT_THAT(staged(),
              ElementsAre("1.2.3/1.2.3.1.dcm", "1.2.3/1.2.3.2.dcm", "1.2.3/1.2.3.3.dcm", "1.2.3/1.2.3.4.dcm"));
  EXPECT_EQ(staged_scan.instance.at("sid"), "1.2.3");
  const StagedInput& input = staged_scan.inputs.at(0);
  EXPECT_EQ(input.instances.size(), 4u);
  EXPECT_EQ(input.frame_of_reference, "1.2.9");
  EXPECT_EQ(input.geometry.value().size, (Index3{4, 3, 4}));
  Bytes all;
  for (const std::string& file : staged()) {
    const Bytes bytes = read_file(in_ / file, 1 << 20);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  EXPECT_EQ(input.sha256, net::sha256_hex(all)) << "what `cat` in the order of UIDs has";
  EXPECT_TRUE(staged_scan.own_workflow.empty());
}

TEST_F(Staging, AFileAndAnArchiveAreTakenToo) {
  SampleScan{.modality = "CR", .slices = 1}.write_to(scan_);
  const auto file = std::filesystem::directory_iterator(scan_)->path();
  EXPECT_EQ(stage(kDicom, {{.path = file}}, {"CR"}).inputs.at(0).files, 1u);
  EXPECT_THAT(staged(), ElementsAre("1.2.3/1.2.3.1.dcm"));
  io::StoredZip zip(1 << 20);
  for (int n = 0; n < 4; ++n) zip.add(fmt::format("deep/{}.dcm", n), SampleScan().slice(n).bytes());
  SampleScan::write(scratch_ / "scan.zip", std::move(zip).finish());
  EXPECT_EQ(stage(kDicom, {{.path = scratch_ / "scan.zip"}}).inputs.at(0).files, 4u);
  EXPECT_EQ(staged().size(), 4u);
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "in-unpacked"));
}

TEST_F(Staging, AnotherModalityIsRefused) {
  SampleScan{.modality = "MR"}.write_to(scan_);
  EXPECT_THAT(refusal(kDicom, {{.path = scan_}}),
              HasSubstr("needs a DICOM series (CT); found:\n  1.2.3  MR 4 objects"));
  EXPECT_EQ(stage(kDicom, {{.path = scan_}}, {"MR", "CT"}).inputs.at(0).modality, "MR");
}

TEST_F(Staging, SeveralSeriesAreAsked) {
  SampleScan().write_to(scan_);
  SampleScan{.series = "1.2.4"}.write_to(scan_);
  EXPECT_THAT(refusal(kDicom, {{.path = scan_}}), HasSubstr("choose one of these"));
  EXPECT_EQ(stage(kDicom, {{.path = scan_, .series_uid = "1.2.4"}}).inputs.at(0).series_uid, "1.2.4");
  EXPECT_ERROR(stage(kDicom, {{.path = scan_, .series_uid = "1.2.5"}}), ErrorCode::not_found);
  EXPECT_EQ(stage(kDicom, {{.role = "image", .path = scan_, .series_uid = "1.2.3"}}).inputs.at(0).files, 4u)
      << "one input needs no name";
}

TEST_F(Staging, WhatEndsInAnEmptyResultIsRefusedBefore) {
  const auto with = [&](auto change) {
    std::filesystem::remove_all(scan_);
    SampleScan().write_to(scan_);
    io::SliceWriter writer = SampleScan().slice(7);
    writer.position = {-10, -20, 4 * 2.5};
    change(writer);
    SampleScan::write(scan_ / "more", writer.bytes());
    return refusal(kDicom, {{.path = scan_}});
  };
  EXPECT_EQ(with([](io::SliceWriter&) {}), "none");
  EXPECT_THAT(with([](auto& w) { w.position[2] = 6 * 2.5; }), HasSubstr("slices missing"));
  EXPECT_THAT(with([](auto& w) { w.position[2] = 2.5; }), HasSubstr("images at"));
  EXPECT_THAT(with([](auto& w) { w.position[2] = 11.2; }), HasSubstr("apart"));
  EXPECT_THAT(with([](auto& w) { w.more[0].second = "1.2.8"; }), HasSubstr("2 frames of reference"));
  EXPECT_THAT(with([](auto& w) { w.orientation = ""; }), HasSubstr("lack a position"));
  EXPECT_THAT(with([](auto& w) { w.spacing = ""; }), HasSubstr("lack a position"));
  EXPECT_THAT(with([](auto& w) { w.orientation = "0\\1\\0\\0\\0\\-1"; }), HasSubstr("2 sizes or directions"));
  EXPECT_THAT(with([](auto& w) { w.bits_stored = 40; }), HasSubstr("the pixels of 1 of its 5 images cannot be read"));
  EXPECT_THAT(with([](auto& w) { w.instance = "1.2.3.1"; }), HasSubstr("the same instance UID, but differ"));
  EXPECT_THAT(with([](auto& w) { w.instance = "../../x"; }), HasSubstr("is no DICOM UID"));
}

TEST_F(Staging, PhasesAreRefused) {
  SampleScan().write_to(scan_);
  SampleScan second;
  for (int n = 0; n < 4; ++n) {
    io::SliceWriter writer = second.slice(n);
    writer.number += 10;
    SampleScan::write(scan_ / fmt::format("b{}", n), writer.bytes());
  }
  EXPECT_THAT(refusal(kDicom, {{.path = scan_}}), HasSubstr("2 images at each position"));
}

TEST_F(Staging, ASegmentationMustBeOfTheScan) {
  SampleScan().write_to(scan_ / "ct");
  const Bytes seg = io::write_dicom_seg(box_on(scan_ / "ct", "LIVER"));
  SampleScan::write(scan_ / "seg.dcm", seg);
  const Staged staged_pair = stage(kRadiomics, {{.path = scan_}});
  EXPECT_EQ(staged_pair.inputs.at(1).role, "seg");
  EXPECT_EQ(staged().size(), 5u);
  EXPECT_EQ(stage(kRadiomics, {{.role = "ct", .path = scan_ / "ct"}, {.role = "SEG", .path = scan_ / "seg.dcm"}})
                .inputs.at(1)
                .files,
            1u);
  SampleScan{.series = "1.2.77"}.write_to(scratch_ / "other");
  EXPECT_THAT(
      refusal(kRadiomics, {{.role = "ct", .path = scratch_ / "other"}, {.role = "seg", .path = scan_ / "seg.dcm"}}),
      HasSubstr("refers to the images"));
}

TEST_F(Staging, AStructureSetIsJoinedByItsReferences) {
  SampleScan().write_to(scan_);
  DcmFileFormat file;
  DcmDataset& d = *file.getDataset();
  d.putAndInsertString(DCM_SOPClassUID, UID_RTStructureSetStorage);
  d.putAndInsertString(DCM_SOPInstanceUID, "1.2.3.99");
  d.putAndInsertString(DCM_SeriesInstanceUID, "1.2.99");
  d.putAndInsertString(DCM_Modality, "RTSTRUCT");
  DcmItem *frame = nullptr, *study = nullptr, *series = nullptr;
  d.findOrCreateSequenceItem(DCM_ReferencedFrameOfReferenceSequence, frame);
  frame->findOrCreateSequenceItem(DCM_RTReferencedStudySequence, study);
  study->findOrCreateSequenceItem(DCM_RTReferencedSeriesSequence, series);
  series->putAndInsertString(DCM_SeriesInstanceUID, "1.2.3");
  ASSERT_TRUE(file.saveFile((scan_ / "rt.dcm").c_str(), EXS_LittleEndianExplicit).good());
  std::string yaml = kRadiomics;
  yaml.replace(yaml.find("DsegExtractor"), 13, "RTStructExtractor");
  const Staged staged_pair = stage(yaml, {{.path = scan_}});
  EXPECT_EQ(staged_pair.inputs.at(1).modality, "RTSTRUCT");
  EXPECT_THAT(staged(), testing::Contains("1.2.99/1.2.3.99.dcm"));
}

TEST_F(Staging, TwoScansLieInTheirFolders) {
  SampleScan().write_to(scan_ / "a");
  SampleScan{.series = "1.2.5", .modality = "PT"}.write_to(scan_ / "b");
  stage(kPair, {{.path = scan_}});
  EXPECT_THAT(staged(), testing::Contains("case/ct/1.2.3.2.dcm"));
  EXPECT_THAT(staged(), testing::Contains("case/pet/1.2.5.2.dcm"));
  const Staged named = stage(kPair, {{.role = "PT", .path = scan_ / "b"}, {.role = "ct", .path = scan_ / "a"}});
  EXPECT_EQ(named.inputs.at(0).series_uid, "1.2.3");
  EXPECT_EQ(named.instance.at("patientID"), "case");
  EXPECT_THAT(refusal(kPair, {{.path = scan_ / "a"}}), HasSubstr("needs pet: a DICOM series (PT)"));
  EXPECT_THAT(refusal(kPair, {{.role = "t2w", .path = scan_ / "a"}}), HasSubstr("has no input \"t2w\""));
}

TEST_F(Staging, AnImageWithoutDicomGetsAWorkflowOfOurs) {
  SampleScan().write_to(scan_);
  const Volume image = io::read_image(scan_);
  io::write_image(image, scratch_ / "scan.nrrd");
  const Staged own = stage(kDicom, {{.path = scratch_ / "scan.nrrd"}});
  EXPECT_THAT(staged(), ElementsAre("case/image.nii.gz"));
  EXPECT_EQ(io::read_image(in_ / "case/image.nii.gz").geometry().size, image.geometry().size);
  const Json file = Json::parse(own.own_workflow);
  EXPECT_EQ(file.at("execute"), Json({"FileStructureImporter", "Runner", "JsonSegExporter", "DataOrganizer"}));
  EXPECT_EQ(file.at("modules").at("Runner"), Json::parse(R"({"roi":"LIVER","fast":true,"folds":"0"})"));
  EXPECT_EQ(own.targets.size(), 2u);
  EXPECT_TRUE(own.targets.at(1).path.fits("case/segdef.json", own.instance));
  EXPECT_FALSE(own.inputs.at(0).sha256.empty());
  EXPECT_THAT(own.notes.at(0), HasSubstr("taken for CT"));
}

TEST_F(Staging, AnImageForAModelOfDicomIsRefused) {
  SampleScan().write_to(scan_);
  io::write_image(io::read_image(scan_), scratch_ / "scan.mha");
  EXPECT_THAT(refusal(kRadiomics, {{.path = scratch_ / "scan.mha"}}), HasSubstr("takes DICOM only"));
  EXPECT_THAT(refusal(kPair, {{.path = scratch_ / "scan.mha"}}), HasSubstr("takes DICOM only"));
  EXPECT_ERROR(stage(kDicom, {{.path = scratch_ / "none"}}), ErrorCode::not_found);
  EXPECT_ERROR(stage(kDicom, {}), ErrorCode::wrong_usage);
}

TEST_F(Staging, AClosedFileIsCopiedForTheModelToRead) {
  SampleScan{.modality = "CR", .slices = 1}.write_to(scan_);
  const auto file = std::filesystem::directory_iterator(scan_)->path();
  const auto rights = [](const std::filesystem::path& path) { return std::filesystem::status(path).permissions(); };
  std::filesystem::permissions(file, std::filesystem::perms{0600});
  stage(kDicom, {{.path = scan_}}, {"CR"});
  EXPECT_EQ(rights(in_ / "1.2.3/1.2.3.1.dcm"), std::filesystem::perms{0644});
  EXPECT_EQ(rights(file), std::filesystem::perms{0600}) << "the original stays closed";
  std::filesystem::permissions(file, std::filesystem::perms{0444});
  stage(kDicom, {{.path = scan_}}, {"CR"});
  EXPECT_TRUE(std::filesystem::equivalent(in_ / "1.2.3/1.2.3.1.dcm", file)) << "one file, two names";
}

TEST_F(Staging, RealScansAreTakenAsTheyAre) {
  const char* data = std::getenv("SAGITTAL_DATA");
  const std::filesystem::path shared = data != nullptr ? data : SAGITTAL_SOURCE_DIR "/../shared/data";
  if (!std::filesystem::exists(shared)) GTEST_SKIP() << "no real scans at " << shared;
  const auto slices = [&](const char* folder, const char* modality) {
    return stage(kDicom, {{.path = shared / folder}}, {modality}).inputs.at(0).geometry.value().size[2];
  };
  EXPECT_EQ(slices("ct_chaos_liver/dicom", "CT"), 78);
  EXPECT_THAT(refusal(kDicom, {{.path = shared / "ct_totalseg" / "dicom"}}),
              HasSubstr("20 DICOM objects without a UID"));
  EXPECT_EQ(slices("mr_breast_dicomseg/dicom", "MR"), 60);
  EXPECT_EQ(slices("pet_qin_0024/dicom", "PT"), 299);
  const auto joined = [&](const char* folder, const char* modality) {
    return refusal(kRadiomics, {{.path = shared / folder / "dicom"}, {.path = shared / folder / "seg.dcm"}},
                   {modality});
  };
  EXPECT_EQ(joined("pet_qin_0024", "PT"), "none");
  EXPECT_THAT(joined("mr_breast_dicomseg", "MR"), HasSubstr("refers to the images")) << "it names no series";
}

}  // namespace
}  // namespace sagittal::hub
