#include <gmock/gmock.h>

#include <cmath>
#include <fstream>

#include "av.h"
#include "expect_error.h"
#include "scratch.h"
#include "stream/run.h"
#include "stream/values.h"
#include "video_operators.h"

namespace sagittal::stream::ffmpeg {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// A bright square that moves over a ramp; `side` a side.
class Square final : public Operator {
 public:
  Square(int side, int components) : side_(side), components_(components) {}
  void setup(Setup& setup) override { setup.output(out_, "out"); }
  void compute() override {
    const auto bytes = static_cast<std::size_t>(side_ * side_ * components_);
    FreshBytes fresh = context().frames().take(bytes);
    for (int n = 0; n < side_ * side_; ++n) {
      const int x = n % side_, y = n / side_;
      const bool inside = x >= number_ && x < number_ + 16 && y >= 8 && y < 24;
      for (int c = 0; c < components_; ++c) {
        fresh.span()[static_cast<std::size_t>(n * components_ + c)] =
            static_cast<std::uint8_t>(inside ? 220 - 40 * c : 40 + x);
      }
    }
    ++number_;
    Geometry grid{.size = {side_, side_, 1}, .spacing_mm = {0.5, 0.5, 1}, .origin_mm = {1, 2, 3}};
    out_.send(Frame{grid, components_, ScalarType::u8, std::move(fresh).share()},
              {"camera", 1000 + number_, static_cast<std::uint64_t>(number_), {}});
  }

 private:
  Output<Frame> out_;
  const int side_, components_;
  int number_ = 0;
};

template <class T>
struct Kept {
  std::vector<Incoming<T>> all;
  std::vector<SteadyTime> times;
};
template <class T>
class Keep final : public Operator {
 public:
  explicit Keep(std::shared_ptr<Kept<T>> kept) : kept_(std::move(kept)) {}
  void setup(Setup& setup) override { setup.input(in_, "in"); }
  void compute() override {
    kept_->all.push_back(in_.take());
    kept_->times.push_back(context().now());
  }

 private:
  Input<T> in_;
  std::shared_ptr<Kept<T>> kept_;
};

std::unique_ptr<Operator> make(const std::string& type) {
  av_log_set_level(AV_LOG_QUIET);  // as the plug-in does
  OperatorRegistry registry;
  add_video_file(registry);
  add_camera(registry);
  add_video_codecs(registry);
  return registry.make(type);
}

RunOptions jumping() {
  RunOptions options;
  options.clock = Clock::Kind::jumping;
  return options;
}

std::shared_ptr<Kept<Encoded>> encoded(int count, int side, int components, const Json& parameters) {
  const auto kept = std::make_shared<Kept<Encoded>>();
  Graph graph;
  graph.add("square", std::make_unique<Square>(side, components), {}, {.count = static_cast<std::uint64_t>(count)});
  graph.add("encode", make("video_encode"), parameters);
  graph.add("keep", std::make_unique<Keep<Encoded>>(kept));
  graph.connect("square", "encode");
  graph.connect("encode", "keep");
  PipelineRun run(std::move(graph), jumping());
  const Outcome outcome = run.wait();
  if (outcome.error) throw *outcome.error;
  return kept;
}

/// Sends what an encoder made, from one message on.
class Again final : public Operator {
 public:
  Again(std::shared_ptr<Kept<Encoded>> kept, std::size_t first) : kept_(std::move(kept)), next_(first) {}
  void setup(Setup& setup) override { setup.output(out_, "out"); }
  void compute() override {
    if (next_ == kept_->all.size()) return context().finish();
    out_.send(kept_->all[next_].value, kept_->all[next_].envelope);
    ++next_;
  }

 private:
  Output<Encoded> out_;
  std::shared_ptr<Kept<Encoded>> kept_;
  std::size_t next_;
};

struct Decoded {
  std::shared_ptr<Kept<Frame>> kept = std::make_shared<Kept<Frame>>();
  Json counters;
};
Decoded decoded(const std::shared_ptr<Kept<Encoded>>& from, std::size_t first = 0) {
  Decoded out;
  Graph graph;
  graph.add("again", std::make_unique<Again>(from, first));
  graph.add("decode", make("video_decode"));
  graph.add("keep", std::make_unique<Keep<Frame>>(out.kept));
  graph.connect("again", "decode");
  graph.connect("decode", "keep");
  PipelineRun run(std::move(graph), jumping());
  const Outcome outcome = run.wait();
  if (outcome.error) throw *outcome.error;
  out.counters = run.statistics().operators.at(1).counters;
  return out;
}

double at(const Frame& frame, int x, int y, int component) {
  return frame.as<std::uint8_t>()[static_cast<std::size_t>((y * frame.width() + x) * frame.components + component)];
}

class Codecs : public testing::TestWithParam<const char*> {};

TEST_P(Codecs, PicturesComeBackNearlyAsTheyWereWithTheirPlaceAndTime) {
  for (const int components : {1, 3}) {
    const auto packets = encoded(10, 64, components, {{"codec", GetParam()}});
    ASSERT_EQ(packets->all.size(), 10u) << "without delay";
    EXPECT_TRUE(packets->all[0]->key_frame);
    EXPECT_EQ(packets->all[0]->kind, 1);
    EXPECT_FALSE(packets->all[1]->key_frame);
    EXPECT_EQ(packets->all[1]->grey, components == 1);
    const Decoded frames = decoded(packets);
    ASSERT_EQ(frames.kept->all.size(), 10u);
    const Incoming<Frame>& last = frames.kept->all[9];
    EXPECT_EQ(last->components, components);
    EXPECT_EQ(last->geometry, (Geometry{.size = {64, 64, 1}, .spacing_mm = {0.5, 0.5, 1}, .origin_mm = {1, 2, 3}}));
    EXPECT_EQ(last.envelope.acquired, 1010);
    EXPECT_NEAR(at(*last, 17, 16, 0), 220, 12) << "within the square, which has moved by 9";
    EXPECT_NEAR(at(*last, 50, 50, components - 1), 90, 12);
  }
}

TEST_P(Codecs, WhoComesLateWaitsForTheNextKeyFrame) {
  const auto packets = encoded(10, 64, 1, {{"codec", GetParam()}, {"key_interval", 4}});
  EXPECT_TRUE(packets->all[4]->key_frame);
  const Decoded frames = decoded(packets, 1);
  EXPECT_EQ(frames.counters.at("before_key_frame"), 3);
  ASSERT_EQ(frames.kept->all.size(), 6u);
  EXPECT_EQ(frames.kept->all[0].envelope.sequence, 5u);
}

TEST_P(Codecs, AKeyFrameIsMadeOnRequest) {
  const auto kept = std::make_shared<Kept<Encoded>>();
  Graph graph;
  graph.add("square", std::make_unique<Square>(64, 1), {}, {.periodic = Periodic{2ms}});
  graph.add("encode", make("video_encode"), {{"codec", GetParam()}, {"key_interval", 10000}});
  graph.add("keep", std::make_unique<Keep<Encoded>>(kept));
  graph.connect("square", "encode");
  graph.connect("encode", "keep");
  PipelineRun run(std::move(graph), {.threads = 2});
  std::this_thread::sleep_for(30ms);
  run.command("encode", "key_frame", Json::object());
  std::this_thread::sleep_for(50ms);
  EXPECT_ERROR(run.command("encode", "dance", Json::object()), ErrorCode::unsupported);
  run.stop();
  run.wait();
  EXPECT_EQ(std::count_if(kept->all.begin(), kept->all.end(), [](const auto& packet) { return packet->key_frame; }), 2);
}

TEST_P(Codecs, GarbageIsCountedAndEndsNothing) {
  const auto packets = encoded(6, 64, 1, {{"codec", GetParam()}, {"key_interval", 3}});
  for (std::size_t n = 0; n < 3; ++n) {
    Encoded forged = *packets->all[n].value;
    Bytes bytes(forged.bytes.view().begin(), forged.bytes.view().end());
    for (std::size_t k = 0; k < bytes.size(); ++k) bytes[k] = static_cast<std::uint8_t>(bytes[k] * 31 + n + k);
    forged.bytes = SharedBytes(std::move(bytes));
    packets->all[n].value = std::make_shared<const Encoded>(std::move(forged));
  }
  const Decoded frames = decoded(packets);
  EXPECT_GE(frames.counters.at("damaged"), 1);
  EXPECT_GE(frames.kept->all.size(), 3u) << "from the next key frame on";
}

TEST_P(Codecs, AnotherSizeThanTheMessageSaysIsRefused) {
  const auto packets = encoded(1, 64, 1, {{"codec", GetParam()}});
  Encoded forged = *packets->all[0].value;
  forged.geometry.size = {32, 64, 1};
  packets->all[0].value = std::make_shared<const Encoded>(std::move(forged));
  EXPECT_ERROR(decoded(packets), ErrorCode::bad_input);
}

INSTANTIATE_TEST_SUITE_P(Each, Codecs, testing::Values("VP90", "H264"),
                         [](const auto& codec) { return std::string(codec.param); });

TEST(VideoEncode, OddSizesAndOtherCodecsAreRefused) {
  EXPECT_ERROR(encoded(1, 63, 1, Json::object()), ErrorCode::bad_input);
  EXPECT_ERROR(encoded(1, 64, 4, Json::object()), ErrorCode::bad_input);
  EXPECT_ERROR(encoded(1, 64, 1, {{"codec", "AV10"}}), ErrorCode::bad_input);
}

/// Ten grey pictures of 64 x 32, picture n of brightness 20 n + 16, as YUV4MPEG at 20 a second.
std::filesystem::path video(const Scratch& scratch) {
  const auto file = scratch / "a.y4m";
  std::ofstream out(file, std::ios::binary);
  out << "YUV4MPEG2 W64 H32 F20:1 Ip A1:1 C420jpeg\n";
  for (int n = 0; n < 10; ++n) {
    out << "FRAME\n" << std::string(64 * 32, static_cast<char>(20 * n + 16)) << std::string(64 * 16, '\x80');
  }
  return file;
}

std::shared_ptr<Kept<Frame>> played(const std::filesystem::path& file, const Json& more = Json::object()) {
  const auto kept = std::make_shared<Kept<Frame>>();
  Graph graph;
  Json parameters{{"file", file.string()}, {"grey", true}};
  parameters.update(more);
  graph.add("file", make("video_file"), parameters);
  graph.add("keep", std::make_unique<Keep<Frame>>(kept));
  graph.connect("file", "keep");
  PipelineRun run(std::move(graph), jumping());
  const Outcome outcome = run.wait();
  if (outcome.error) throw *outcome.error;
  return kept;
}

TEST(VideoFile, PlaysInItsTime) {
  const Scratch scratch;
  const auto kept = played(video(scratch), {{"spacing_mm", 0.2}});
  ASSERT_EQ(kept->all.size(), 10u);
  EXPECT_EQ(kept->all[3]->geometry.size, (Index3{64, 32, 1}));
  EXPECT_EQ(kept->all[3]->geometry.spacing_mm, (Vec3{0.2, 0.2, 1}));
  EXPECT_EQ(at(*kept->all[3].value, 5, 5, 0), 76);
  EXPECT_EQ(kept->times[9] - kept->times[0], 450'000'000);
}

TEST(VideoFile, RepeatsCountsAndTakesAnotherRate) {
  const Scratch scratch;
  const auto kept = played(video(scratch), {{"repeat", true}, {"count", 25}, {"frame_rate", 100}, {"grey", false}});
  ASSERT_EQ(kept->all.size(), 25u);
  EXPECT_EQ(kept->all[0]->components, 3);
  EXPECT_EQ(kept->times[24] - kept->times[0], 240'000'000);
}

TEST(VideoFile, OtherFilesAreRefused) {
  const Scratch scratch;
  EXPECT_ERROR(played(scratch / "none.mp4"), ErrorCode::not_found);
  std::ofstream(scratch / "text.mp4") << "no video at all";
  EXPECT_ERROR(played(scratch / "text.mp4"), ErrorCode::bad_input);
  std::ofstream(scratch / "list.m3u8") << "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n";
  EXPECT_ERROR(played(scratch / "list.m3u8"), ErrorCode::bad_input);
  EXPECT_ERROR(played("http://127.0.0.1:9/a.mp4"), ErrorCode::bad_input);
}

TEST(Camera, ADeviceThatIsNotThereIsSaid) {
  Graph graph;
  const auto kept = std::make_shared<Kept<Frame>>();
  graph.add("camera", make("camera"), {{"device", "/dev/video-none"}});
  graph.add("keep", std::make_unique<Keep<Frame>>(kept));
  graph.connect("camera", "keep");
  EXPECT_ERROR(PipelineRun(std::move(graph), {}), ErrorCode::not_found);
}

}  // namespace
}  // namespace sagittal::stream::ffmpeg
