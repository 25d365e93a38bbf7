#include "hub/mhub_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "expect_error.h"
#include "hub/io/fake_model.h"
#include "hub/io/sample_scan.h"
#include "hub/io/segment_table.h"
#include "hub/jobs/work_json.h"
#include "io/image_io.h"
#include "net/sha256.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Path = std::filesystem::path;

const std::string kWorkflow =
    "execute: [DicomImporter, NiftiConverter, NNUnetRunner, DsegConverter, DataOrganizer]\n"
    "modules: {NNUnetRunner: {roi: 'LIVER,MY_SPOT'}, "
    "DataOrganizer: {targets: ['dicomseg:mod=seg-->[i:sid]/x.seg.dcm']}}\n"
    "segdb: {triplets: {T_BODY: {code: '123037004', meaning: Body structure, scheme_designator: SCT}, "
    "T_SPOT: {code: '1234', meaning: Spot, scheme_designator: '99X'}}, "
    "segments: {MY_SPOT: {name: My spot, category: T_BODY, type: T_SPOT, color: [1, 2, 3]}}}";

std::string with_targets(const std::string& targets) {
  std::string text = kWorkflow;
  const std::string old = "'dicomseg:mod=seg-->[i:sid]/x.seg.dcm'";
  return text.replace(text.find(old), old.size(), targets);
}

void write_text(const Path& path, const std::string& text) { SampleScan::write(path, {text.begin(), text.end()}); }

/// A label map on the grid of a scan: two voxels of 1, one of 2.
Volume labels_on(const Path& scan, double shift_mm = 0) {
  Geometry grid = io::read_image(scan).geometry();
  grid.origin_mm[2] += shift_mm;
  Buffer voxels(static_cast<std::size_t>(grid.voxel_count()));
  const auto all = voxels.as<std::uint8_t>();
  std::fill(all.begin(), all.end(), std::uint8_t{0});
  all[0] = all[1] = 1;
  all[2] = 2;
  return Volume(grid, ScalarType::u8, std::move(voxels));
}

class MHubWorkTest : public testing::Test {
 protected:
  void SetUp() override { SampleScan().write_to(scan_); }

  WorkReport run(const FakeModel::Script& script, const std::string& workflow = kWorkflow) {
    model_ = std::make_shared<FakeModel>(script);
    const MHubWork work({"sample", "1.0", "mhubai/sample:latest", {"CT"}, "default", workflow}, model_,
                        {.our_version = "0.1.0"});
    JobRequest request{.model = "sample", .inputs = {{.path = input_}}};
    RunLog log(scratch_ / "log.txt", 1 << 20);
    return work.run(request, scratch_ / "job", log,
                    {[&](const Progress& p) { stages_.emplace_back(p.stage); }, cancel_});
  }
  std::string failure(const FakeModel::Script& script, const std::string& workflow = kWorkflow) {
    try {
      run(script, workflow);
    } catch (const Error& error) {
      return error.what();
    }
    return "none";
  }
  void write_seg(const Path& path, const std::string& name = "LIVER") const {
    SampleScan::write(path, io::write_dicom_seg(box_on(scan_, name)));
  }

  const Scratch scratch_;
  const Path scan_ = scratch_ / "scan";
  Path input_ = scan_;
  CancelToken cancel_;
  std::shared_ptr<FakeModel> model_;
  std::vector<std::string> stages_;
};

TEST_F(MHubWorkTest, ASegmentationComesWithItsTerms) {
  const WorkReport report = run([&](const Path& in, const Path& out, RunLog& log) {
    EXPECT_TRUE(std::filesystem::exists(in / "1.2.3" / "1.2.3.1.dcm"));
    for (const char* line : {"Start DicomImporter", "Start Nobody", "Start NNUnetRunner", "100 % success"})
      log.add(line);
    write_seg(out / "1.2.3/x.seg.dcm");
    return RunEnd{.status = 1};
  });
  ASSERT_EQ(report.outputs.size(), 1u) << "the right file, whatever the exit status";
  EXPECT_EQ(report.outputs[0].path, "1.2.3/x.seg.dcm");
  EXPECT_EQ(report.outputs[0].kind, "segmentation");
  ASSERT_EQ(report.outputs[0].segments.size(), 1u);
  const OutputSegment& liver = report.outputs[0].segments[0];
  EXPECT_EQ(liver.id, "LIVER");
  EXPECT_EQ(liver.name, "Liver");
  EXPECT_EQ(liver.codes.value().type.value, "10200004");
  EXPECT_NEAR(liver.volume_ml, 8 * 0.5 * 0.7 * 2.5 / 1000, 1e-9);
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_THAT(stages_, Contains("DicomImporter"));
  EXPECT_THAT(stages_, Contains("NNUnetRunner"));
  EXPECT_THAT(stages_, testing::Not(Contains("Nobody")));
  EXPECT_THAT(model_->last.arguments, ElementsAre("--workflow", "default", "--print"));
  EXPECT_FALSE(model_->last.mounts.at(0).writable);
}

TEST_F(MHubWorkTest, TheRecordTellsHow) {
  const Json record = run([&](const Path&, const Path& out, RunLog&) {
                        write_seg(out / "1.2.3/x.seg.dcm");
                        return RunEnd{};
                      }).record;
  EXPECT_EQ(record.at("model"), "sample");
  EXPECT_EQ(record.at("image_digest"), "mhubai/sample:latest@sha256:0");
  EXPECT_EQ(record.at("workflow_sha256"), net::sha256_hex(as_bytes(kWorkflow)));
  EXPECT_EQ(record.at("engine"), "fake");
  EXPECT_EQ(record.at("engine_version"), "7");
  EXPECT_EQ(record.at("hardening"), "read_only");
  EXPECT_EQ(record.at("inputs").at(0).at("series"), "1.2.3");
  EXPECT_EQ(record.at("inputs").at(0).at("files"), 4);
  EXPECT_EQ(record.at("ended"), "ended well");
  WorkEnd end;
  end.report.record = record;
  EXPECT_NO_THROW(parse_end(end_json(end).dump(), "x"));
}

TEST_F(MHubWorkTest, ASuccessWithoutAResultIsNone) {
  const std::string why = failure([](const Path&, const Path&, RunLog& log) {
    log.add("Done. 100 % success.");
    return RunEnd{};
  });
  EXPECT_THAT(why, HasSubstr("sample left no result that can be used: it ended well"));
  EXPECT_THAT(why, HasSubstr("expected:\n  1.2.3/x.seg.dcm"));
  EXPECT_THAT(why, HasSubstr("the last lines of its log:\nDone. 100 % success."));
  EXPECT_THAT(failure([](const Path&, const Path& out, RunLog&) {
                write_text(out / "notes.txt", "hello");
                return RunEnd{.how = RunEnd::How::out_of_memory};
              }),
              HasSubstr("needed more than"))
      << "a file that nobody expected is no result";
}

TEST_F(MHubWorkTest, ASegmentationOfAnotherScanIsRefused) {
  SampleScan{.series = "1.2.88"}.write_to(scratch_ / "other");
  EXPECT_THAT(failure([&](const Path&, const Path& out, RunLog&) {
                SampleScan::write(out / "1.2.3/x.seg.dcm", io::write_dicom_seg(box_on(scratch_ / "other", "LIVER")));
                return RunEnd{};
              }),
              HasSubstr("refers to images that were not given"));
  EXPECT_THAT(failure([&](const Path&, const Path& out, RunLog&) {
                io::Segmentation box = box_on(scan_, "LIVER");
                box.dicom->frame_of_reference = "1.2.10";
                SampleScan::write(out / "1.2.3/x.seg.dcm", io::write_dicom_seg(box));
                return RunEnd{};
              }),
              HasSubstr("another frame of reference"));
  EXPECT_THAT(failure([&](const Path&, const Path& out, RunLog&) {
                io::Segmentation box = box_on(scan_, "LIVER");
                box.geometry.origin_mm[0] += 400;
                SampleScan::write(out / "1.2.3/x.seg.dcm", io::write_dicom_seg(box));
                return RunEnd{};
              }),
              HasSubstr("outside of the scan"));
}

TEST_F(MHubWorkTest, HostileResultsAreContained) {
  write_text(scratch_ / "secret.csv", "a,b\n1,2\n");
  const WorkReport report = run([&](const Path&, const Path& out, RunLog&) {
    write_seg(out / "1.2.3/x.seg.dcm");
    std::filesystem::create_symlink(scratch_ / "secret.csv", out / "table.csv");
    std::filesystem::create_directory_symlink("/etc", out / "etc");
    EXPECT_EQ(::mkfifo((out / "pipe.nrrd").c_str(), 0600), 0);
    write_text(out / "big.json", std::string(100'000, '['));
    write_text(out / "bad.seg.dcm", "no DICOM");
    write_text(out / "cut.nii.gz", "\x1f\x8b");
    write_text(out / "empty.csv", "");
    write_text(out / "half.nhdr",
               "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 1 1 1\nencoding: raw\ndata file: ../../secret.csv\n\n");
    write_text(out / "out.nrrd",
               "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 1 1 1\nencoding: raw\ndata file: /etc/passwd\n\n");
    write_text(out / "a\nb.txt", "name");
    return RunEnd{};
  });
  std::vector<std::string> paths;
  for (const JobOutput& output : report.outputs) paths.push_back(output.path + " " + output.kind);
  EXPECT_THAT(paths, ElementsAre("1.2.3/x.seg.dcm segmentation", "half.nhdr file"));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(scratch_ / "job/out/table.csv")));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "job/out/pipe.nrrd"));
  EXPECT_TRUE(std::filesystem::exists("/etc/passwd"));
  EXPECT_THAT(report.notes, Contains(HasSubstr("3 links or special files were removed")));
  EXPECT_THAT(report.notes, Contains(HasSubstr("big.json is of no use")));
  EXPECT_THAT(report.notes, Contains(HasSubstr("bad.seg.dcm is of no use: it is no DICOM file")));
  EXPECT_THAT(report.notes, Contains(HasSubstr("out.nrrd is of no use")));
}

TEST_F(MHubWorkTest, LabelMapsAreNamedByTheirTable) {
  const std::string targets = "'nifti:mod=seg-->[i:sid]/[basename]', 'json:mod=seg-->[i:sid]/segdef.json'";
  const WorkReport report = run(
      [&](const Path&, const Path& out, RunLog&) {
        std::filesystem::create_directories(out / "1.2.3");
        io::write_image(labels_on(scan_), out / "1.2.3/a.nii.gz");
        io::write_image(labels_on(scan_), out / "1.2.3/b.nii.gz");
        write_text(out / "1.2.3/segdef.json", R"([{"file":"a.nii.gz","labels":{"1":"SPLEEN","2":"MY_SPOT"}}])");
        return RunEnd{};
      },
      with_targets(targets));
  ASSERT_EQ(report.outputs.size(), 3u);
  const auto& named = report.outputs[0].segments;
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named[0].id, "SPLEEN");
  EXPECT_EQ(named[1].id, "MY_SPOT");
  EXPECT_EQ(named[1].name, "My spot");
  EXPECT_EQ(named[1].colour, (Rgb{1, 2, 3}));
  EXPECT_EQ(named[1].codes.value().type.value, "1234");
  EXPECT_EQ(report.outputs[1].segments.at(0).id, "LIVER") << "without a table, by the workflow";
  EXPECT_EQ(report.outputs[2].kind, "json");
}

TEST_F(MHubWorkTest, OverlappingFilesStayApart) {
  const WorkReport report = run(
      [&](const Path&, const Path& out, RunLog&) {
        for (const char* name : {"HEART.nii.gz", "AORTA.nii.gz"}) io::write_image(labels_on(scan_), out / name);
        return RunEnd{};
      },
      with_targets("'nifti:mod=seg-->[d:roi].nii.gz'"));
  ASSERT_EQ(report.outputs.size(), 2u);
  EXPECT_EQ(report.outputs[0].segments.size(), report.outputs[1].segments.size());
}

TEST_F(MHubWorkTest, AVolumeElsewhereIsRefused) {
  const auto shifted = [&](double mm) {
    return [&, mm](const Path&, const Path& out, RunLog&) {
      io::write_image(labels_on(scan_, mm), out / "a.nii.gz");
      return RunEnd{};
    };
  };
  const std::string workflow = with_targets("'nifti:mod=seg-->[basename]'");
  EXPECT_EQ(failure(shifted(1), workflow), "none") << "less than a voxel";
  EXPECT_THAT(failure(shifted(50), workflow), HasSubstr("outside of the scan"));
}

TEST_F(MHubWorkTest, TablesReportsAndImagesAreKnown) {
  const WorkReport report = run(
      [&](const Path&, const Path& out, RunLog&) {
        write_text(out / "1.2.3/f.csv", "a,b\n1,2\n");
        write_text(out / "1.2.3/r.json", R"({"risk": 0.5})");
        io::write_image(labels_on(scan_), out / "1.2.3/heat.mha");
        return RunEnd{};
      },
      with_targets("'csv-->[i:sid]/f.csv', 'json-->[i:sid]/r.json', 'mha:mod=heatmap-->[i:sid]/heat.mha', "
                   "'dicomseg-->[i:sid]/x.seg.dcm'"));
  std::vector<std::string> kinds;
  for (const JobOutput& output : report.outputs) kinds.push_back(output.kind);
  EXPECT_THAT(kinds, ElementsAre("table", "image", "json"));
  EXPECT_THAT(report.notes, ElementsAre("expected, but not there: 1.2.3/x.seg.dcm"));
}

TEST_F(MHubWorkTest, AnImageWithoutDicomRunsWithAWorkflowOfOurs) {
  io::write_image(io::read_image(scan_), scratch_ / "scan.nii.gz");
  input_ = scratch_ / "scan.nii.gz";
  const WorkReport report = run([&](const Path& in, const Path& out, RunLog&) {
    EXPECT_TRUE(std::filesystem::exists(in / "case/image.nii.gz"));
    EXPECT_TRUE(std::filesystem::exists(FakeModel::place(model_->last, "/tmp/sagittal") / "host.yml"));
    std::filesystem::create_directories(out / "case");
    io::write_image(labels_on(scan_), out / "case/VOLUME_001.nii.gz");
    write_text(out / "case/segdef.json", R"([{"file":"VOLUME_001.nii.gz","labels":{"1":"LIVER","2":"MY_SPOT"}}])");
    return RunEnd{};
  });
  EXPECT_THAT(model_->last.arguments, ElementsAre("--config", "/tmp/sagittal/host.yml", "--print"));
  EXPECT_EQ(report.outputs.at(0).segments.at(0).id, "LIVER");
  EXPECT_EQ(report.record.at("workflow"), "host");
  EXPECT_THAT(report.notes, Contains(HasSubstr("taken for CT")));
}

TEST_F(MHubWorkTest, ARunBeginsWithEmptyFolders) {
  write_text(scratch_ / "job/out/1.2.3/x.seg.dcm", "of a run that was cut off");
  write_text(scratch_ / "job/in/old", "x");
  EXPECT_THAT(failure([](const Path& in, const Path&, RunLog&) {
                EXPECT_FALSE(std::filesystem::exists(in / "old"));
                return RunEnd{};
              }),
              HasSubstr("left no result"));
}

TEST_F(MHubWorkTest, ACancelEndsIt) {
  cancel_.cancel();
  EXPECT_ERROR(run([](const Path&, const Path&, RunLog&) { return RunEnd{}; }), ErrorCode::cancelled);
}

TEST(SegmentTable, ForgedOnesAreRefused) {
  const SegmentTable good = parse_segment_table(R"([{"file":"a","labels":{"1":"LIVER"}}])", "x");
  EXPECT_EQ(good.at("a").at(1), "LIVER");
  for (const char* text :
       {"", "{}", "[1]", R"([{"file":1,"labels":{}}])", R"([{"file":"a"}])", R"([{"file":"a","labels":[]}])",
        R"([{"file":"a","labels":{"x":"L"}}])", R"([{"file":"a","labels":{"-1":"L"}}])",
        R"([{"file":"a","labels":{"65536":"L"}}])", R"([{"file":"a","labels":{"1":1}}])"})
    EXPECT_ERROR(parse_segment_table(text, "x"), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::hub
