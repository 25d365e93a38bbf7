#include "stream/graph.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "numbers.h"

namespace sagittal::stream {
namespace {

using test::Add;
using test::Seen;
using test::Sink;
using test::Source;

class TextSink final : public Operator {
 public:
  struct Words {
    static constexpr std::string_view kValueName = "words";
  };
  void setup(Setup& setup) override { setup.input(in_, "in"); }
  void compute() override { in_.take(); }

 private:
  Input<Words> in_;
};

Graph three() {
  Graph graph;
  graph.add("source", std::make_unique<Source>(true));
  graph.add("add", std::make_unique<Add>());
  graph.add("sink", std::make_unique<Sink>(std::make_shared<Seen>()));
  return graph;
}

TEST(Graph, FlowsJoinWhatFits) {
  Graph graph = three();
  graph.add("words", std::make_unique<TextSink>());
  graph.connect("source", "add");
  graph.connect("add.out", "sink.in", FlowOptions{5, WhenFull::drop});
  EXPECT_EQ(graph.describe(graph.flows()[0]), "source.out -> add.in");
  EXPECT_EQ(graph.flows()[0].queue.when_full, WhenFull::keep_latest) << "a live source";
  EXPECT_EQ(graph.flows()[1].queue.capacity, 5u);
  EXPECT_ERROR(graph.connect("source", "add"), ErrorCode::bad_input);
  EXPECT_ERROR(graph.connect("source", "words"), ErrorCode::bad_input);
  EXPECT_ERROR(graph.connect("source.in", "sink"), ErrorCode::bad_input);
  EXPECT_ERROR(graph.connect("nobody", "sink"), ErrorCode::bad_input);
  EXPECT_ERROR(graph.connect("sink", "add"), ErrorCode::bad_input);
  EXPECT_ERROR(graph.connect("source", "sink", FlowOptions{0, WhenFull::block}), ErrorCode::bad_input);
}

TEST(Graph, WhatIsMissingIsSaid) {
  EXPECT_ERROR(Graph().check(), ErrorCode::bad_input);
  Graph graph = three();
  graph.connect("source", "add");
  EXPECT_ERROR(graph.check(), ErrorCode::bad_input);
  graph.connect("add", "sink");
  EXPECT_NO_THROW(graph.check());
}

TEST(Graph, NamesAndParametersAreChecked) {
  Graph graph = three();
  for (const char* name : {"", "a b", "a.b", "source", "ä"}) {
    EXPECT_ERROR(graph.add(name, std::make_unique<Source>()), ErrorCode::bad_input);
  }
  EXPECT_ERROR(graph.add("s", std::make_unique<Source>(), {{"stepp", 1}}), ErrorCode::bad_input);
  EXPECT_ERROR(graph.add("s", std::make_unique<Source>(), {{"step", 0}}), ErrorCode::bad_input);
  EXPECT_ERROR(graph.add("s", std::make_unique<Source>(), {{"step", 1.5}}), ErrorCode::bad_input);
  EXPECT_ERROR(graph.add("s", std::make_unique<Source>(), Json::array({1})), ErrorCode::bad_input);
  EXPECT_NO_THROW(graph.add("s", std::make_unique<Source>(), {{"step", 7}, {"file", "x"}}));
}

}  // namespace
}  // namespace sagittal::stream
