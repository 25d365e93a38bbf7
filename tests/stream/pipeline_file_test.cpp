#include "stream/pipeline_file.h"

#include <gmock/gmock.h>

#include <fmt/format.h>

#include "expect_error.h"
#include "numbers.h"

namespace sagittal::stream {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kGood = R"(
pipeline: 1
title: Numbers
scheduler: {threads: 2, max_duration_ms: 60000}
operators:
  source: {type: source, step: 2, file: clip.mp4, conditions: {periodic: {period: 1000 hz}, count: 100}}
  add:
    type: add
    amount: 5
    on_error: skip
  sink: {type: sink}
flows:
  - source -> add
  - {from: add.out, to: sink.in, capacity: 3, when_full: keep_latest}
)";

OperatorRegistry registry() {
  OperatorRegistry all;
  all.add<test::Source>("source", "counts");
  all.add<test::Add>("add", "adds");
  all.add({"sink", "ends", [] { return std::make_unique<test::Sink>(std::make_shared<test::Seen>()); }});
  return all;
}

TEST(PipelineFiles, AreReadAndBuilt) {
  PipelineFile pipeline = parse_pipeline(kGood, "numbers.yaml");
  pipeline.folder = "/there";
  EXPECT_EQ(pipeline.title, "Numbers");
  EXPECT_EQ(pipeline.run.threads, 2);
  const Graph graph = build(pipeline, registry());
  ASSERT_EQ(graph.nodes().size(), 3u);
  const Graph::Node& source = graph.nodes()[2];
  EXPECT_EQ(source.name, "source");
  EXPECT_EQ(source.conditions.count, 100u);
  EXPECT_EQ(source.conditions.periodic->period, std::chrono::milliseconds(1));
  EXPECT_EQ(graph.nodes()[0].on_error, OnError::skip);
  EXPECT_EQ(graph.flows()[1].queue.capacity, 3u);
  EXPECT_EQ(graph.flows()[1].queue.when_full, WhenFull::keep_latest);
}

TEST(PipelineFiles, SettingsAreOverridden) {
  PipelineFile pipeline = parse_pipeline(kGood, "numbers.yaml");
  override_setting(pipeline, "add.amount=7");
  override_setting(pipeline, "source.conditions.count=3");
  override_setting(pipeline, "scheduler.threads=1");
  const Graph graph = build(pipeline, registry());
  EXPECT_EQ(graph.nodes()[0].setup.find_parameter("amount")->value(), 7);
  EXPECT_EQ(graph.nodes()[2].conditions.count, 3u);
  EXPECT_TRUE(graph.nodes()[2].conditions.periodic.has_value()) << "what is not overridden stays";
  EXPECT_EQ(pipeline.run.threads, 1);
  for (const char* bad : {"", "add", "add.amount", "nobody.x=1", "scheduler.threads=x", "scheduler.speed=1", "=",
                          ".=", "source.conditions=4"}) {
    EXPECT_ERROR(override_setting(pipeline, bad), ErrorCode::wrong_usage);
  }
}

TEST(PipelineFiles, TellTheirOperatorsBeforeAnyStart) {
  PipelineFile pipeline = parse_pipeline(kGood, "numbers.yaml");
  pipeline.folder = "/there";
  const Json all = describe(build(pipeline, registry()), registry());
  EXPECT_EQ(all.at("flows").at(1), "add.out -> sink.in");
  const Json& source = all.at("operators").at(2);
  EXPECT_EQ(source.at("name"), "source");
  EXPECT_EQ(source.at("type"), "source");
  EXPECT_EQ(source.at("description"), "counts");
  EXPECT_EQ(source.at("enabled"), true);
  EXPECT_EQ(source.at("parameters").at(0).at("value"), 2) << "the file's";
  EXPECT_EQ(source.at("parameters").at(0).at("default"), 1);
  EXPECT_EQ(all.at("operators").at(1).at("commands").at(0).at("name"), "count");
}

TEST(PipelineFiles, SayWhenInputsHaveEnough) {
  std::string text(kGood);
  text.replace(text.find("{type: sink}"), 12,
               "{type: sink, conditions: {inputs: {in: {messages: 4, of_each: true, after: 35 ms, optional: true}}, "
               "any_of: [[in]]}}");
  text.replace(text.find("capacity: 3"), 11, "capacity: 9");
  const Graph graph = build(parse_pipeline(text, "numbers.yaml"), registry());
  const auto& sink = graph.nodes()[1].setup;
  const InputPort& in = *sink.inputs()[0];
  EXPECT_EQ(in.needed(), 4u);
  EXPECT_EQ(in.count(), InputPort::Count::each);
  EXPECT_EQ(in.delay(), std::chrono::milliseconds(35));
  EXPECT_TRUE(in.is_optional());
  EXPECT_EQ(sink.groups().at(0).at(0), &in);
  for (const char* bad : {"{inputs: {nowhere: {messages: 2}}}", "{inputs: {in: {messages: 0}}}", "{inputs: [in]}",
                          "{inputs: {in: {messages: -1}}}", "{inputs: {in: {after: soon}}}", "{any_of: in}",
                          "{any_of: [[nowhere]]}", "{any_of: [in]}", "{inputs: {in: {often: 1}}}"}) {
    std::string wrong(kGood);
    wrong.replace(wrong.find("{type: sink}"), 12, fmt::format("{{type: sink, conditions: {}}}", bad));
    EXPECT_ERROR(build(parse_pipeline(wrong, "numbers.yaml"), registry()), ErrorCode::bad_input);
  }
}

TEST(PipelineFiles, WhatIsWrongIsSaidWithItsPlace) {
  const auto with = [](std::string_view part, std::string_view instead) {
    std::string text(kGood);
    const std::size_t at = text.find(part);
    EXPECT_NE(at, std::string::npos) << part;
    return text.replace(at, part.size(), instead);
  };
  const std::pair<std::string, std::string> cases[] = {
      {"[]", "the pipeline is []"},
      {with("pipeline: 1", "pipeline: 2"), "\"pipeline\" is 2"},
      {with("title:", "titel:"), "titel"},
      {with("threads: 2", "threads: 0"), "scheduler.threads"},
      {with("1000 hz", "fast"), "\"fast\""},
      {with("skip", "hope"), "operators.add.on_error"},
      {with("source -> add", "source add"), "a flow"},
      {with("keep_latest", "keep"), "\"keep\""},
      {with("type: sink", "kind: sink"), "operators.sink"},
  };
  for (const auto& [text, said] : cases) {
    try {
      parse_pipeline(text, "numbers.yaml");
      ADD_FAILURE() << "was read: " << said;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_input) << said;
      EXPECT_THAT(error.what(), HasSubstr(said));
      EXPECT_THAT(error.what(), HasSubstr("numbers.yaml"));
    }
  }
}

TEST(PipelineFiles, WhatCannotBeBuiltIsSaid) {
  PipelineFile pipeline = parse_pipeline(kGood, "numbers.yaml");
  pipeline.operators[0].type = "addd";
  EXPECT_ERROR(build(pipeline, registry()), ErrorCode::not_found);
  pipeline.operators[0].type = "add";
  pipeline.flows.pop_back();
  EXPECT_ERROR(build(pipeline, registry()), ErrorCode::bad_input);
}

TEST(Registry, SaysWhatThereIs) {
  OperatorRegistry all = registry();
  EXPECT_ERROR(all.add<test::Add>("add", "again"), ErrorCode::conflict);
  const Json described = describe(all.types()[0]);
  EXPECT_EQ(described.at("name"), "add");
  EXPECT_EQ(described.at("inputs"), Json::parse(R"([{"name":"in","type":"number"}])"));
  EXPECT_EQ(described.at("parameters").at(0).at("kind"), "whole number");
  EXPECT_ERROR(load_plugin("/nowhere/plugin.so", all), ErrorCode::not_found);
  EXPECT_ERROR(load_plugin("/etc/passwd", all), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::stream
