#include <gmock/gmock.h>

#include <numeric>

#include "expect_error.h"
#include "scratch.h"
#include "stream/operators/operators.h"
#include "stream/recording_format.h"
#include "stream/run.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Sends frames and tensors in turn, 10 ms apart.
class Camera final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.output(frame_, "frame");
    setup.output(tensor_, "tensor");
  }
  void compute() override {
    ++count_;
    FreshBytes fresh = context().frames().take(2 * 3 * sizeof(float));
    std::iota(fresh.as<float>().begin(), fresh.as<float>().end(), static_cast<float>(count_));
    const SharedBytes bytes = std::move(fresh).share();
    Geometry grid{.size = {3, 2, 1}, .spacing_mm = {0.5, 0.5, 1}, .origin_mm = {1, 2, 3}};
    Envelope envelope{"probe", 5000 + count_, static_cast<std::uint64_t>(count_), {}};
    envelope.metadata.set("gain", "7");
    if (count_ % 2 == 1) {
      frame_.send(Frame{grid, 1, ScalarType::f32, bytes}, envelope);
    } else {
      tensor_.send(Tensor{"scores", {6}, bytes, grid}, envelope);
    }
  }

 private:
  Output<Frame> frame_;
  Output<Tensor> tensor_;
  std::int64_t count_ = 0;
};

struct Kept {
  std::vector<Message> messages;
  std::vector<SteadyTime> times;
};

class Keep final : public Operator {
 public:
  explicit Keep(std::shared_ptr<Kept> kept) : kept_(std::move(kept)) {}
  void setup(Setup& setup) override { setup.input(in_, "in"); }
  void compute() override {
    while (auto message = in_.try_take()) {
      kept_->messages.push_back(std::move(*message));
      kept_->times.push_back(context().now());
    }
  }

 private:
  Input<Any> in_;
  std::shared_ptr<Kept> kept_;
};

std::unique_ptr<Operator> make(const std::string& type) {
  OperatorRegistry registry;
  add_recording_operators(registry);
  return registry.make(type);
}

RunOptions jumping() {
  RunOptions options;
  options.clock = Clock::Kind::jumping;
  return options;
}

void record(const std::filesystem::path& folder, std::uint64_t messages, const Json& more = Json::object()) {
  Graph graph;
  graph.add("camera", std::make_unique<Camera>(), {}, {.periodic = Periodic{10ms}, .count = messages});
  Json parameters{{"directory", folder.string()}, {"basename", "a"}};
  parameters.update(more);
  graph.add("recorder", make("recorder"), parameters);
  graph.connect("camera.frame", "recorder");
  graph.connect("camera.tensor", "recorder");
  PipelineRun run(std::move(graph), jumping());
  ASSERT_EQ(run.wait().ending, Ending::finished) << run.wait().why;
  EXPECT_EQ(run.statistics().operators.at(1).counters.at("messages"), messages);
}

struct Played {
  std::shared_ptr<Kept> kept = std::make_shared<Kept>();
  Outcome outcome;
  Json counters;
  std::vector<std::int64_t> gaps_ms() const {
    std::vector<std::int64_t> gaps;
    for (std::size_t n = 1; n < kept->times.size(); ++n) {
      gaps.push_back((kept->times[n] - kept->times[n - 1] + 500'000) / 1'000'000);
    }
    return gaps;
  }
};

Played play(const std::filesystem::path& folder, const Json& more = Json::object(), const std::string& name = "a",
            std::optional<std::chrono::nanoseconds> limit = {}) {
  Played played;
  Graph graph;
  Json parameters{{"directory", folder.string()}, {"basename", name}};
  parameters.update(more);
  graph.add("replayer", make("replayer"), parameters);
  graph.add("keep", std::make_unique<Keep>(played.kept));
  const FlowOptions wide{64, WhenFull::block};
  graph.connect("replayer.frame", "keep", wide);
  graph.connect("replayer.tensor", "keep", wide);
  RunOptions options = jumping();
  options.max_duration = limit;
  PipelineRun run(std::move(graph), options);
  played.outcome = run.wait();
  played.counters = run.statistics().operators.at(0).counters;
  return played;
}

TEST(Recorder, FramesAndTensorsComeBackWithAllThatTheyCarried) {
  const Scratch scratch;
  record(scratch.path(), 4);
  const Played played = play(scratch.path(), {{"times", "recorded"}});
  ASSERT_EQ(played.outcome.ending, Ending::finished) << played.outcome.why;
  ASSERT_EQ(played.kept->messages.size(), 4u);
  const Message& first = played.kept->messages[0];
  const Frame* frame = value_in<Frame>(first);
  ASSERT_NE(frame, nullptr);
  EXPECT_EQ(frame->geometry, (Geometry{.size = {3, 2, 1}, .spacing_mm = {0.5, 0.5, 1}, .origin_mm = {1, 2, 3}}));
  EXPECT_THAT(frame->as<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_EQ(first.envelope.device, "probe");
  EXPECT_EQ(first.envelope.acquired, 5001);
  EXPECT_EQ(first.envelope.sequence, 1u);
  EXPECT_EQ(*first.envelope.metadata.find("gain"), "7");
  const Tensor* tensor = value_in<Tensor>(played.kept->messages[1]);
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->name, "scores");
  EXPECT_THAT(tensor->shape, ElementsAre(6));
}

class Words final : public Operator {
 public:
  void setup(Setup& setup) override { setup.output(out_, "out"); }
  void compute() override { out_.send(Text{"a"}, {}); }

 private:
  Output<Text> out_;
};

TEST(Recorder, RefusesWhatIsNeitherFrameNorTensor) {
  const Scratch scratch;
  Graph graph;
  graph.add("words", std::make_unique<Words>(), {}, {.count = 1});
  graph.add("recorder", make("recorder"), {{"directory", scratch.path().string()}});
  graph.connect("words", "recorder");
  PipelineRun run(std::move(graph), jumping());
  ASSERT_EQ(run.wait().ending, Ending::failed);
  EXPECT_THAT(run.wait().error->what(), HasSubstr("not a text"));
}

TEST(Recorder, ARecordingThatIsThereEndsTheStart) {
  const Scratch scratch;
  record(scratch.path(), 1);
  Graph graph;
  graph.add("camera", std::make_unique<Camera>(), {}, {.count = 1});
  graph.add("recorder", make("recorder"), {{"directory", scratch.path().string()}, {"basename", "a"}});
  graph.connect("camera.frame", "recorder");
  EXPECT_ERROR(PipelineRun(std::move(graph), jumping()), ErrorCode::conflict);
  record(scratch.path(), 2, {{"overwrite", true}});
}

TEST(Replayer, KeepsTheTimesOfTheRecording) {
  const Scratch scratch;
  record(scratch.path(), 4);
  EXPECT_THAT(play(scratch.path()).gaps_ms(), ElementsAre(10, 10, 10));
}

TEST(Replayer, KeepsAFrameRateOrGoesAsFastAsItCan) {
  const Scratch scratch;
  record(scratch.path(), 4);
  EXPECT_THAT(play(scratch.path(), {{"frame_rate", 4}}).gaps_ms(), ElementsAre(250, 250, 250));
  EXPECT_THAT(play(scratch.path(), {{"realtime", false}}).gaps_ms(), ElementsAre(0, 0, 0));
}

TEST(Replayer, RepeatsWithTheSameStepBetweenTheRounds) {
  const Scratch scratch;
  record(scratch.path(), 2);
  const Played played = play(scratch.path(), {{"repeat", true}, {"count", 7}});
  EXPECT_EQ(played.outcome.ending, Ending::finished);
  EXPECT_THAT(played.gaps_ms(), ElementsAre(10, 10, 10, 10, 10, 10));
  EXPECT_EQ(played.counters.at("rounds"), 3);
}

TEST(Replayer, EndsAfterItsCountAndSendsInBatches) {
  const Scratch scratch;
  record(scratch.path(), 6);
  EXPECT_EQ(play(scratch.path(), {{"count", 3}}).kept->messages.size(), 3u);
  EXPECT_THAT(play(scratch.path(), {{"batch_size", 3}}).gaps_ms(), ElementsAre(0, 0, 30, 0, 0));
}

TEST(Replayer, PlaysWhatHoloscanRecordedAndCountsWhatCannotBeRead) {
  const std::filesystem::path stored = SAGITTAL_SOURCE_DIR "/tests/stream/recordings";
  const Played played = play(stored, {{"times", "recorded"}}, "holoscan");
  ASSERT_EQ(played.outcome.ending, Ending::finished) << played.outcome.why;
  EXPECT_EQ(played.counters.at("corrupted"), 2) << "one is not packed, one holds int16 numbers that are no picture";
  ASSERT_GE(played.kept->messages.size(), 2u);
  const Message& first = played.kept->messages[0];
  EXPECT_EQ(value_in<Frame>(first)->components, 3);
  EXPECT_EQ(first.envelope.device, "image");
  EXPECT_EQ(first.envelope.acquired, 123456790);
  EXPECT_EQ(play(stored, {{"ignore_corrupted_entities", false}}, "holoscan").outcome.ending, Ending::failed);
}

TEST(Replayer, ARecordingOfWhichNothingCanBeReadEnds) {
  const Scratch scratch;
  write_file_atomically(scratch / "a.gxf_entities", {});
  Bytes index = index_record(0, 100, 0);
  const Bytes far = index_record(-1, 100, 0);  // no time at all
  index.insert(index.end(), far.begin(), far.end());
  write_file_atomically(scratch / "a.gxf_index", index);
  const Played played = play(scratch.path(), {{"repeat", true}});
  EXPECT_EQ(played.outcome.ending, Ending::finished);
  EXPECT_EQ(played.counters.at("corrupted"), 2);
}

TEST(Replayer, AnEmptyRecordingIsRefusedAtTheStart) {
  const Scratch scratch;
  write_file_atomically(scratch / "a.gxf_entities", {});
  write_file_atomically(scratch / "a.gxf_index", {});
  EXPECT_ERROR(play(scratch.path()), ErrorCode::bad_input);
}

TEST(Replayer, AForgedTimeFarAwayWaitsWithoutOverflowing) {
  const Scratch scratch;
  record(scratch.path(), 2);
  Bytes index = read_file(scratch / "a.gxf_index", 100);
  const std::int64_t far = std::numeric_limits<std::int64_t>::max();
  std::memcpy(index.data() + 24, &far, sizeof(far));
  write_file_atomically(scratch / "a.gxf_index", index);
  const Played played = play(scratch.path(), Json::object(), "a", 1h);
  EXPECT_EQ(played.outcome.ending, Ending::time_limit);
  EXPECT_EQ(played.kept->messages.size(), 1u);
}

}  // namespace
}  // namespace sagittal::stream
