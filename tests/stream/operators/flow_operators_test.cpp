#include <gmock/gmock.h>

#include <unistd.h>

#include <filesystem>

#include <fmt/format.h>

#include "expect_error.h"
#include "frames.h"
#include "io/image_io.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

using test::frame;
using test::give;
using test::keep;
using test::Kept;
using test::make;
using test::numbered;
using test::through;
using ::testing::HasSubstr;

std::vector<Frame> tiny(int count) {
  std::vector<Frame> all;
  for (int n = 0; n < count; ++n) all.push_back(frame<std::uint8_t>(1, 1, {static_cast<std::uint8_t>(n)}));
  return all;
}

TEST(Every, LetsOneOfKThrough) {
  const auto out = through("every", {{"k", 3}}, tiny(7));
  ASSERT_EQ(out->size(), 3u);
  EXPECT_EQ(out->envelope(1).sequence, 4u);
  EXPECT_EQ(out->envelope(2).sequence, 7u);
}

TEST(Switch, ChoosesAnInput) {
  for (const int selected : {0, 1, 2}) {
    const auto kept = std::make_shared<Kept<Frame>>();
    Graph graph;
    graph.add("a", give(numbered(tiny(4), "A")));
    graph.add("b", give(numbered(tiny(4), "B")));
    graph.add("switch", make("switch"), {{"selected", selected}});
    graph.add("sink", keep(kept));
    graph.connect("a", "switch.in1");
    graph.connect("b", "switch.in2");
    graph.connect("switch", "sink");
    test::run(std::move(graph));
    ASSERT_EQ(kept->size(), selected == 0 ? 0u : 4u);
    for (std::size_t n = 0; n < kept->size(); ++n) EXPECT_EQ(kept->envelope(n).device, selected == 1 ? "A" : "B");
  }
}

TEST(Every, TakesWhateverComesAndGivesTheSame) {
  const std::vector<Text> texts{{"one"}, {"two"}, {"three"}};
  const auto out = through<Text>("every", {{"k", 2}}, texts);
  ASSERT_EQ(out->size(), 2u);
  EXPECT_EQ((*out)[1].text, "three");
}

/// A frame and a text, each into an input of a switch, and on to who takes frames.
Graph mixed(bool both) {
  Graph graph;
  graph.add("frames", give(numbered(tiny(1))));
  graph.add("texts", give(numbered<Text>({{"word"}})));
  graph.add("every", make("every"));
  graph.add("switch", make("switch"));
  graph.add("flip", make("flip"));
  graph.connect("switch", "flip");
  graph.connect("every", "switch.in1");
  graph.connect("frames", "every");
  if (both) graph.connect("texts", "switch.in2");
  return graph;
}

TEST(Switch, HasTheTypeOfWhatFlowsIntoItHoweverItIsJoined) {
  Graph frames = mixed(false);
  EXPECT_NO_THROW(frames.check());
  EXPECT_EQ(frames.flows()[0].type, value_type<Frame>()) << "through two of them";
  Graph both = mixed(true);
  EXPECT_ERROR(both.check(), ErrorCode::bad_input);
  Graph wrong;
  wrong.add("texts", give(numbered<Text>({{"word"}})));
  wrong.add("every", make("every"));
  wrong.add("flip", make("flip"));
  wrong.connect("every", "flip");
  wrong.connect("texts", "every");
  EXPECT_ERROR(wrong.check(), ErrorCode::bad_input);
}

TEST(Switch, LetsSeveralTypesThroughToWhoTakesAny) {
  Graph graph;
  graph.add("frames", give(numbered(tiny(1))));
  graph.add("texts", give(numbered<Text>({{"word"}})));
  graph.add("switch", make("switch"), {{"selected", 2}});
  graph.add("log", make("log"));
  graph.connect("frames", "switch.in1");
  graph.connect("texts", "switch.in2");
  graph.connect("switch", "log");
  std::string said;
  RunOptions options;
  options.log = [&](LogLevel, std::string_view text) { said += text; };
  PipelineRun run(std::move(graph), options);
  EXPECT_EQ(run.wait().ending, Ending::finished);
  EXPECT_THAT(said, HasSubstr("text \"Image\" 1: word"));
  EXPECT_EQ(run.statistics().flows.at(2).type, "any");
}

TEST(Switch, InACircleIsOfNoType) {
  Graph graph;
  graph.add("a", make("every"));
  graph.add("b", make("every"));
  graph.connect("a", "b");
  graph.connect("b", "a");
  EXPECT_NO_THROW(graph.check());
  graph.add("flip", make("flip"));
  graph.connect("b", "flip");
  EXPECT_ERROR(graph.check(), ErrorCode::bad_input);
}

TEST(Statistics, ReportsTheRateEverySoManyMessages) {
  const auto out = through<Text>("statistics", {{"every", 2}}, tiny(5), "text");
  ASSERT_EQ(out->size(), 2u);
  EXPECT_THAT((*out)[1].text, HasSubstr("\"messages\":4"));
  EXPECT_THAT((*out)[1].text, HasSubstr("\"age\""));
}

TEST(Log, DescribesWhatComes) {
  std::vector<std::string> lines;
  Graph graph;
  graph.add("source", give(numbered(tiny(3))));
  graph.add("log", make("log"), {{"every", 2}});
  graph.connect("source", "log");
  RunOptions options;
  options.clock = Clock::Kind::jumping;
  options.log = [&](LogLevel, std::string_view text) { lines.emplace_back(text); };
  PipelineRun running(std::move(graph), options);
  running.wait();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[1], HasSubstr("frame \"Image\" 3: [1, 1, 1] x 1 uint8"));
}

TEST(TextFilter, PassesByNameAndContent) {
  const std::vector<Text> texts{{"STOP"}, {"go on"}, {"please STOP"}};
  EXPECT_EQ(through<Text>("text_filter", {{"contains", "STOP"}}, texts)->size(), 2u);
  EXPECT_EQ(through<Text>("text_filter", {{"device", "Nobody"}}, texts)->size(), 0u);
}

TEST(ImageFolder, SendsItsImagesInOrder) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / fmt::format("image_folder_{}", getpid());
  std::filesystem::create_directories(folder);
  for (const int n : {2, 1}) {
    const std::uint8_t values[] = {static_cast<std::uint8_t>(n), 0, 0, 0};
    io::write_image(make_volume<std::uint8_t>({.size = {2, 2, 1}}, values), folder / fmt::format("{}.nrrd", n));
  }
  const auto kept = std::make_shared<Kept<Frame>>();
  Graph graph;
  graph.add("images", make("image_folder"), {{"folder", folder.string()}, {"frame_rate", 10}});
  graph.add("sink", keep(kept));
  graph.connect("images", "sink");
  EXPECT_EQ(test::run(std::move(graph)).ending, Ending::finished);
  ASSERT_EQ(kept->size(), 2u);
  EXPECT_EQ((*kept)[0].as<std::uint8_t>()[0], 1);
  EXPECT_EQ(*kept->envelope(1).metadata.find("file"), "2.nrrd");
  EXPECT_NEAR(static_cast<double>(kept->envelope(1).acquired - kept->envelope(0).acquired), 1e8, 1e6);
  std::filesystem::remove_all(folder);

  Graph missing;
  missing.add("images", make("image_folder"), {{"folder", folder.string()}});
  EXPECT_ERROR(PipelineRun(std::move(missing), {}), ErrorCode::not_found);
}

}  // namespace
}  // namespace sagittal::stream
