#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "expect_error.h"
#include "hub/io/sample_scan.h"
#include "hub/mhub_work.h"
#include "hub/runners/bubblewrap.h"
#include "hub/runners/container_runner.h"
#include "hub/runners/process.h"
#include "scratch.h"

namespace sagittal::hub {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A model of the test's own making (tools/model_here.sh): Python with pydicom and highdicom in an image, which reads a
/// real CT and writes DICOM SEG. `make test-engines` unpacks it and gives it to the engines.
class RealModel : public testing::Test {
 protected:
  void SetUp() override {
    const char* image = std::getenv("SAGITTAL_MODEL_IMAGE");
    if (image == nullptr) GTEST_SKIP() << "no image of a model: make test-engines makes one";
    folder_ = image;
    const char* data = std::getenv("SAGITTAL_DATA");
    const std::filesystem::path shared = data != nullptr ? data : SAGITTAL_SOURCE_DIR "/../shared/data";
    scan_ = shared / "ct_chaos_liver" / "dicom";
    if (!std::filesystem::exists(scan_)) GTEST_SKIP() << "no real scan at " << scan_;
  }

  WorkReport run(std::shared_ptr<const Runner> runner, const std::string& image) {
    const Bytes text = read_file(SAGITTAL_SOURCE_DIR "/tests/hub/io/bright_workflow.yml", 1 << 16);
    const MHubWork work({"bright", "1", image, {"CT"}, "default", std::string(as_text(text))}, std::move(runner), {});
    JobRequest request{.model = "bright", .inputs = {{.path = scan_}}};
    request.limits.memory_bytes = std::uint64_t{4} << 30;
    request.limits.scratch_bytes = std::uint64_t{64} << 20;
    request.limits.time = std::chrono::minutes(5);
    RunLog log(scratch_ / "log", 1 << 20);
    return work.run(request, scratch_ / "job", log, {[&](const Progress& p) { stages_.emplace_back(p.stage); }, {}});
  }

  void expect_bright(const WorkReport& report) const {
    ASSERT_EQ(report.outputs.size(), 2u);
    EXPECT_EQ(report.outputs[0].kind, "json");
    ASSERT_EQ(report.outputs[1].kind, "segmentation");
    ASSERT_EQ(report.outputs[1].segments.size(), 1u);
    const OutputSegment& spine = report.outputs[1].segments[0];
    EXPECT_EQ(spine.id, "SPINE") << "by its codes, whatever its label";
    EXPECT_EQ(spine.name, "Vertebral column");
    const Bytes said = read_file(scratch_ / "job/out" / report.outputs[0].path, 1 << 16);
    const Json own = Json::parse(as_text(said));
    const Json input = report.record.at("inputs").at(0);
    EXPECT_EQ(own.at("images"), input.at("files"));
    const Vec3 mm = io::read_dicom_source(scan_, {}).geometry.spacing_mm;
    EXPECT_NEAR(spine.volume_ml, own.at("voxels").get<double>() * mm[0] * mm[1] * mm[2] / 1000, 1e-3 * spine.volume_ml);
    EXPECT_GT(spine.volume_ml, 100);
    EXPECT_EQ(report.record.at("ended"), "ended with status 3");
    EXPECT_THAT(stages_, testing::IsSupersetOf({"DicomImporter", "BrightRunner", "DsegConverter"}));
  }

  /// An engine that has the image under the name that the script gave it.
  void run_in(Engine engine, const char* program) {
    const auto found = find_program(program);
    if (!found || std::getenv("SAGITTAL_ENGINES") == nullptr)
      GTEST_SKIP() << program << " is tried by make test-engines";
    const auto runner = std::make_shared<ContainerRunner>(engine, *found);
    try {
      runner->version();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
    const WorkReport report = run(runner, "localhost/mhubai/bright:latest");
    expect_bright(report);
    EXPECT_THAT(report.record.at("image_digest").get<std::string>(), testing::Not(HasSubstr("latest")));
  }

  const Scratch scratch_;
  std::filesystem::path folder_, scan_;
  std::vector<std::string> stages_;
};

TEST_F(RealModel, BubblewrapRunsIt) {
  const auto program = find_program("bwrap");
  if (!program) GTEST_SKIP() << "bubblewrap is not installed";
  expect_bright(run(std::make_shared<BubblewrapRunner>(*program), folder_.string()));
}

TEST_F(RealModel, PodmanRunsIt) { run_in(Engine::podman, "podman"); }

TEST_F(RealModel, DockerRunsIt) { run_in(Engine::docker, "docker"); }

}  // namespace
}  // namespace sagittal::hub
