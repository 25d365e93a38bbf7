#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>

#include "expect_error.h"
#include "frames.h"
#include "networks.h"
#include "stream/igtl/endpoints.h"
#include "stream/igtl/image.h"
#include "stream/operators/igtl_values.h"
#include "stream/pipeline_file.h"
#include "stream/run_control.h"

namespace sagittal::stream {
namespace {

using igtl::eventually;
using test::frame;
using ::testing::HasSubstr;

const std::filesystem::path kPipelines = std::filesystem::path(SAGITTAL_SOURCE_DIR) / "examples/pipelines";

TEST(Pipelines, AllThatComeWithTheProgramAreBuilt) {
  int pipelines = 0;
  for (const auto& file : std::filesystem::directory_iterator(kPipelines)) {
    SCOPED_TRACE(file.path().string());
    const PipelineFile pipeline = read_pipeline(file.path());
    EXPECT_NO_THROW(build(pipeline, test::standard_operators()));
    EXPECT_FALSE(pipeline.title.empty());
    EXPECT_FALSE(pipeline.description.empty());
    ++pipelines;
  }
  EXPECT_GE(pipelines, 4);
}

/// Runs a pipeline whose server listens on any port.
class Running {
 public:
  Running(const char* name, const std::vector<std::string>& settings) {
    PipelineFile pipeline = read_pipeline(kPipelines / name);
    for (const std::string& setting : settings) override_setting(pipeline, setting);
    run_ = std::make_unique<PipelineRun>(build(pipeline, test::standard_operators()), pipeline.run);
  }
  PipelineRun& operator*() { return *run_; }

  /// A client of the operator's server.
  std::unique_ptr<igtl::Endpoint> connect(std::string_view op, igtl::Inbox& inbox) {
    igtl::EndpointSettings settings;
    settings.role = igtl::Role::client;
    settings.header_version = 2;
    for (const OperatorStatistics& statistics : run_->statistics().operators) {
      if (statistics.name == op) settings.port = statistics.counters.at("port").get<std::uint16_t>();
    }
    auto peer = std::make_unique<igtl::Endpoint>(settings, inbox.handlers());
    EXPECT_TRUE(eventually([&] { return !peer->peers().empty(); }));
    return peer;
  }

 private:
  std::unique_ptr<PipelineRun> run_;
};

void send(igtl::Endpoint& peer, const Frame& picture) {
  FramePool pool;
  auto out = outgoing_of(
      {{"Image", 1'700'000'000'000'000'000, 1, {}}, value_type<Frame>(), std::make_shared<Frame>(picture)}, 0, pool);
  peer.send(std::move(out.message), std::move(out.owner));
}

TEST(Pipelines, InvertSendsTheNegativeBack) {
  Running pipeline("invert.yaml", {"input.port=0", "output.port=0"});
  igtl::Inbox inbox;
  const auto slicer = pipeline.connect("input", inbox);
  send(*slicer, frame<std::uint8_t>(2, 1, {0, 55}));
  const auto back = message_of(inbox.at(0));
  EXPECT_EQ(test::values_of<std::uint8_t>(*value_in<Frame>(*back)), (std::vector<std::uint8_t>{255, 200}));
  EXPECT_EQ(back->envelope.device, "Inverted");
}

TEST(Pipelines, TheRoundTripKeepsThePlace) {
  Running pipeline("slicer_roundtrip.yaml", {"input.port=0"});
  igtl::Inbox inbox;
  const auto slicer = pipeline.connect("input", inbox);
  Frame picture = frame<std::uint8_t>(512, 4, std::vector<std::uint8_t>(512 * 4, 9));
  picture.geometry.spacing_mm = {0.5, 0.5, 1};
  send(*slicer, picture);
  const auto back = message_of(inbox.at(0));
  const Geometry& grid = value_in<Frame>(*back)->geometry;
  EXPECT_EQ(grid.size, (Index3{256, 2, 1}));
  EXPECT_NEAR(grid.spacing_mm[0], 1, 1e-6);
  EXPECT_NEAR(grid.origin_mm[0], 0.25, 1e-6);
}

TEST(Pipelines, AVolumeInPartsComesBackAsLabels) {
  Running pipeline("volume_threshold.yaml", {"input.port=0"});
  igtl::Inbox inbox;
  const auto slicer = pipeline.connect("input", inbox);
  Frame volume = frame<std::int16_t>(3, 2, std::vector<std::int16_t>(6));
  volume.geometry.size[2] = 4;
  volume.geometry.spacing_mm = {1, 1, 2.5};
  volume.geometry.origin_mm = {-10, 20, 30};
  for (std::int16_t slab = 0; slab < 2; ++slab) {
    igtl::Image image;
    image.scalar = igtl::Scalar::int16;
    image.frame = igtl::frame_of(volume.geometry);
    image.frame.part_offset = {0, 0, static_cast<std::uint16_t>(2 * slab)};
    image.frame.part_size = {3, 2, 2};
    const std::vector<std::int16_t> voxels(12, static_cast<std::int16_t>(slab == 1 ? 300 : 200));
    igtl::Outgoing out{.type = "IMAGE", .device = "CT"};
    out.content = igtl::write_image_head(image);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(voxels.data());
    out.content.insert(out.content.end(), bytes, bytes + 24);
    slicer->send(std::move(out));
    ASSERT_TRUE(slicer->flush(std::chrono::seconds(10))) << "one name, so the second would replace the first";
  }
  const auto back = message_of(inbox.at(0));
  ASSERT_TRUE(back);
  const Frame& labels = *value_in<Frame>(*back);
  EXPECT_EQ(labels.geometry.size, (Index3{3, 2, 4}));
  EXPECT_NEAR(labels.geometry.spacing_mm[2], 2.5, 1e-6);
  EXPECT_NEAR(labels.geometry.origin_mm[1], 20, 1e-5);
  std::vector<std::uint8_t> expected(24, 0);
  std::fill(expected.begin() + 12, expected.end(), std::uint8_t{1});
  EXPECT_EQ(test::values_of<std::uint8_t>(labels), expected);
  EXPECT_EQ(back->envelope.device, "Segmentation-label");
  EXPECT_EQ(*back->envelope.metadata.find("Labels"), R"({"1":"bone"})");
  (*pipeline).stop();
  (*pipeline).wait();
  const Json counters = (*pipeline).statistics().operators.at(1).counters;
  EXPECT_EQ(counters.at("image_parts"), 2);
  EXPECT_EQ(counters.at("images_of_parts"), 1);
}

/// Placed frames as a recording, each a millimetre further.
std::filesystem::path write_recording(int frames) {
  const auto path = std::filesystem::path(::testing::TempDir()) / fmt::format("bone_{}.igs.mha", getpid());
  std::vector<Frame> pictures;
  for (int n = 0; n < frames; ++n) {
    std::vector<std::uint8_t> bright(1200, 10);
    std::fill(bright.begin() + 600, bright.end(), std::uint8_t{200});
    Frame one = frame<std::uint8_t>(40, 30, bright);
    one.geometry.spacing_mm = {0.5, 0.5, 1};
    one.geometry.origin_mm = {0, 0, static_cast<double>(n)};
    pictures.push_back(one);
  }
  Graph graph;
  graph.add("source", test::give(test::numbered(pictures, "Image", 20)));
  graph.add("writer", test::make("sequence_writer"), {{"file", path.string()}, {"transform", "ImageToReference"}});
  graph.connect("source", "writer.frame");
  test::run(std::move(graph));
  return path;
}

TEST(Pipelines, BoneUltrasoundSendsLabelsAndAVolumeAtTheirPlace) {
  const auto network = test::write_network("bone", true, true);
  Running pipeline("bone_ultrasound.yaml",
                   {"slicer.port=0", "ultrasound.file=" + write_recording(21).string(), "ultrasound.calibration=null",
                    "ultrasound.repeat=true", "bone.model=" + network.string()});
  igtl::Inbox inbox;
  const auto slicer = pipeline.connect("slicer", inbox);
  std::map<std::string, Message> found;
  for (std::size_t n = 0; found.size() < 3 && n < 2000 && !::testing::Test::HasFailure(); ++n) {
    if (auto message = message_of(inbox.at(n))) found[message->envelope.device] = *message;
  }
  ASSERT_EQ(found.count("BoneVolume"), 1u);
  const Frame& labels = *value_in<Frame>(found.at("Bone_Reference"));
  EXPECT_EQ(labels.geometry.size, (Index3{40, 30, 1}));
  EXPECT_NEAR(labels.geometry.spacing_mm[0], 0.5, 1e-6);
  EXPECT_EQ(labels.as<std::uint8_t>()[0], 0);
  EXPECT_EQ(labels.as<std::uint8_t>()[1199], 1);
  const Frame& volume = *value_in<Frame>(found.at("BoneVolume"));
  EXPECT_EQ(volume.geometry.size, (Index3{39, 29, 40})) << "as Plus lays its grids";
}

/// The operators' part of docs/streams.md, from what they say of themselves.
std::string table() {
  std::string text = "| operator | does | in | out | parameters |\n|---|---|---|---|---|\n";
  const auto names = [](const Json& list) {
    std::string joined;
    for (const Json& one : list) joined += (joined.empty() ? "" : ", ") + one.at("name").get<std::string>();
    return joined;
  };
  const OperatorRegistry registry = test::standard_operators();
  for (const OperatorType& type : registry.types()) {
    const Json all = describe(type);
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", type.name, type.description, names(all.at("inputs")),
                        names(all.at("outputs")), names(all.at("parameters")));
  }
  return text;
}

std::string command_table() {
  std::string text = "| COMMAND | content |\n|---|---|\n";
  for (const ControlCommand& command : control_commands()) {
    text += fmt::format("| `{}` | {} |\n", command.name, command.description);
  }
  return text;
}

/// Beside the table of operators, which would become too wide.
std::string operator_commands() {
  std::string text = "| operator | command | does |\n|---|---|---|\n";
  const OperatorRegistry registry = test::standard_operators();
  for (const OperatorType& type : registry.types()) {
    for (const Json& command : describe(type).at("commands")) {
      const auto name = command.at("name").get<std::string>();
      text += fmt::format("| `{}` | {} | {} |\n", type.name, name == OperatorCommand::kAny ? "any" : "`" + name + "`",
                          command.at("description").get<std::string>());
    }
  }
  return text;
}

TEST(Documentation, ListsAllOperatorsAndCommands) {
  std::ifstream file(std::filesystem::path(SAGITTAL_SOURCE_DIR) / "docs/streams.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr(table())) << "put this table there";
  EXPECT_THAT(text.str(), HasSubstr(command_table())) << "put this table there";
  EXPECT_THAT(text.str(), HasSubstr(operator_commands())) << "put this table there";
}

TEST(Documentation, OfEveryParameterAndCommandSaysWhatItIs) {
  const OperatorRegistry registry = test::standard_operators();
  for (const OperatorType& type : registry.types()) {
    const Json all = describe(type);
    for (const char* part : {"parameters", "commands"}) {
      for (const Json& one : all.at(part)) {
        EXPECT_FALSE(one.at("description").get<std::string>().empty()) << type.name << "." << one.at("name");
      }
    }
  }
}

TEST(Plugins, BringOperatorsOfTheirOwn) {
  OperatorRegistry registry = test::standard_operators();
  load_plugin(EXAMPLE_PLUGIN, registry);
  const auto kept = std::make_shared<test::Kept<Frame>>();
  Graph graph;
  graph.add("source", test::give(test::numbered<Frame>({frame<std::uint8_t>(3, 1, {99, 100, 101})})));
  graph.add("threshold", registry.make("black_white"), {{"level", 100}});
  graph.add("sink", test::keep(kept));
  graph.connect("source", "threshold");
  graph.connect("threshold", "sink");
  EXPECT_EQ(test::run(std::move(graph)).ending, Ending::finished);
  EXPECT_EQ(test::values_of<std::uint8_t>((*kept)[0]), (std::vector<std::uint8_t>{0, 255, 255}));
}

}  // namespace
}  // namespace sagittal::stream
