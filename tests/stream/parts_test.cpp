#include <gmock/gmock.h>

#include <random>

#include "base/bytes.h"
#include "expect_error.h"
#include "numbers.h"
#include "scratch.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

TEST(Periods, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(period_from("30 hz"), 33333333ns);
  EXPECT_EQ(period_from("30Hz"), 33333333ns);
  EXPECT_EQ(period_from("2.5 ms"), 2500us);
  EXPECT_EQ(period_from("1s"), 1s);
  EXPECT_EQ(period_from("1000"), 1us);
  for (const char* bad : {"", "hz", "0 hz", "-1 ms", "1 h", "1e9 s", "nan s", "999", "100000 s", "1 ms ms"}) {
    EXPECT_ERROR(period_from(bad), ErrorCode::bad_input);
  }
}

TEST(Queues, HoldToTheirPolicy) {
  const auto numbers_after_five = [](const QueueOptions& options) {
    Queue queue(options);
    for (std::uint64_t n = 1; n <= 5; ++n) {
      Message message{{"", 0, n}, value_type<Tick>(), nullptr};
      queue.push(std::move(message), 0);
    }
    std::vector<std::uint64_t> left;
    while (auto message = queue.pop()) left.push_back(message->envelope.sequence);
    EXPECT_EQ(queue.counters().sent, 5u);
    EXPECT_EQ(queue.counters().dropped, 5 - left.size());
    return left;
  };
  EXPECT_THAT(numbers_after_five({2, WhenFull::keep_latest}), ElementsAre(4, 5));
  EXPECT_THAT(numbers_after_five({2, WhenFull::drop}), ElementsAre(1, 2));
  EXPECT_THAT(numbers_after_five({2, WhenFull::block}), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_ERROR(numbers_after_five({2, WhenFull::fail}), ErrorCode::conflict);
  EXPECT_EQ(when_full_from("fault"), WhenFull::fail);
  EXPECT_EQ(name_of(when_full_from("reject")), "drop");
  EXPECT_ERROR(when_full_from("explode"), ErrorCode::bad_input);
}

TEST(Histograms, PercentilesAreRightToThreePercent) {
  Histogram histogram;
  std::mt19937 random(1);
  std::vector<std::int64_t> all;
  for (int n = 0; n < 20'000; ++n) {
    all.push_back(static_cast<std::int64_t>(std::exp(std::uniform_real_distribution<>(0, 20)(random))));
    histogram.add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9}) {
    const auto exact = static_cast<double>(all[static_cast<std::size_t>(percent / 100 * 20'000) - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.percentile_ns(percent)), exact, 0.035 * exact + 1) << percent;
  }
  EXPECT_EQ(histogram.max_ns(), all.back());
  EXPECT_EQ(histogram.min_ns(), all.front());
  EXPECT_EQ(Histogram().percentile_ns(50), 0);
}

TEST(MetadataOfMessages, KeysAreThereOnce) {
  Metadata metadata;
  metadata.set("a", "1");
  metadata.set("b", "2");
  metadata.set("a", "3");
  Metadata other;
  other.set("b", "4");
  other.set("c", "5");
  metadata.merge(other, Metadata::Merge::keep);
  EXPECT_THAT(metadata.entries(), ElementsAre(std::pair("a", "3"), std::pair("b", "2"), std::pair("c", "5")));
  metadata.merge(other, Metadata::Merge::update);
  EXPECT_EQ(*metadata.find("b"), "4");
  EXPECT_EQ(metadata.find("z"), nullptr);
  const auto overfill = [&] {
    for (int n = 0; n < 2000; ++n) metadata.set(std::to_string(n), "");
  };
  EXPECT_ERROR(overfill(), ErrorCode::too_large);
}

TEST(Frames, MemoryGoesRound) {
  FramePool pool(std::size_t{1} << 20, 10'000);
  const std::byte* first = nullptr;
  {
    FreshBytes fresh = pool.take(4096);
    first = reinterpret_cast<const std::byte*>(fresh.span().data());
    const SharedBytes shared = std::move(fresh).share();
    EXPECT_EQ(pool.bytes_out(), 4096u);
    EXPECT_ERROR(pool.take(8000), ErrorCode::too_large);
  }
  EXPECT_EQ(pool.bytes_out(), 0u);
  EXPECT_EQ(reinterpret_cast<const std::byte*>(pool.take(4000).span().data()), first);
}

TEST(Frames, SizesAreChecked) {
  Frame frame;
  frame.geometry.size = {4, 3, 1};
  frame.components = 3;
  frame.pixels = SharedBytes(Bytes(36));
  EXPECT_NO_THROW(check_frame(frame));
  frame.type = ScalarType::u16;
  EXPECT_ERROR(check_frame(frame), ErrorCode::bad_input);
  frame.geometry.size = {std::int64_t{1} << 31, std::int64_t{1} << 31, 8};
  EXPECT_ERROR(check_frame(frame), ErrorCode::bad_input);
  frame.components = 0;
  EXPECT_ERROR(check_frame(frame), ErrorCode::bad_input);
}

TEST(FlowTracking, TheLogHasTheLinesOfHoloscan) {
  const Scratch folder;
  const auto log = folder / "flow.log";
  const auto seen = std::make_shared<test::Seen>();
  {
    Graph graph;
    graph.add("source", std::make_unique<test::Source>(), {}, {.count = 30});
    graph.add("left", std::make_unique<test::Add>());
    graph.add("right", std::make_unique<test::Add>());
    graph.add("sink",
              std::make_unique<test::Sink>(seen, [](InputPort& port) { port.needs(1, InputPort::Count::each); }));
    for (const char* side : {"left", "right"}) {
      graph.connect("source", side);
      graph.connect(side, "sink");
    }
    RunOptions options;
    options.track_flows = FlowTrackerOptions{10, 10, 0, log};
    PipelineRun run(std::move(graph), std::move(options));
    run.wait();
    const auto paths = run.statistics().paths;
    ASSERT_EQ(paths.size(), 2u);
    EXPECT_EQ(paths[0].path, "source -> left -> sink");
    EXPECT_EQ(paths[1].path, "source -> right -> sink");
    EXPECT_EQ(paths[0].messages, 30u);
    EXPECT_EQ(paths[0].latency.count(), 10u) << "without the first and the last ten";
  }
  const Bytes bytes = read_file(log, 1 << 20);
  const std::string text(as_text(bytes));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 60);
  EXPECT_THAT(text.substr(0, text.find('\n')),
              ::testing::MatchesRegex(
                  R"(\(source,[0-9]+,[0-9]+\) -> \((left|right),[0-9]+,[0-9]+\) -> \(sink,[0-9]+,[0-9]+\))"));
}

}  // namespace
}  // namespace sagittal::stream
