#include "stream/run.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <numeric>
#include <thread>

#include "expect_error.h"
#include "numbers.h"

namespace sagittal::stream {
namespace {

using namespace std::chrono_literals;
using test::Add;
using test::Seen;
using test::Sink;
using test::Source;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const auto kSeen = [] { return std::make_shared<Seen>(); };

RunOptions jumping(int threads = 1) {
  RunOptions options;
  options.threads = threads;
  options.clock = Clock::Kind::jumping;
  return options;
}

std::vector<std::int64_t> one_to(std::int64_t last) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(last));
  std::iota(all.begin(), all.end(), 1);
  return all;
}

TEST(Run, AllMessagesArriveInOrderWhereQueuesBlock) {
  for (const int threads : {1, 2, 4}) {
    const auto seen = kSeen();
    Graph graph;
    graph.add("source", std::make_unique<Source>(), {}, {.count = 1000});
    graph.add("add", std::make_unique<Add>(), {{"amount", 5}});
    graph.add("sink", std::make_unique<Sink>(seen));
    graph.connect("source", "add");
    graph.connect("add.out", "sink.in");
    PipelineRun run(std::move(graph), {.threads = threads});
    EXPECT_EQ(run.wait().ending, Ending::finished);
    std::vector<std::int64_t> expected = one_to(1000);
    for (auto& number : expected) number += 5;
    EXPECT_EQ(seen->numbers, expected) << threads;
    EXPECT_EQ(seen->started, 1);
    EXPECT_EQ(seen->stopped, 1);
  }
}

TEST(Run, QueuesKeepTheLatestOrDropTheNewest) {
  for (const bool keep : {true, false}) {
    const auto seen = kSeen();
    const FlowOptions queue{3, keep ? WhenFull::keep_latest : WhenFull::drop};
    Graph graph = test::pair_of(std::make_unique<Source>(), std::make_unique<Sink>(seen), {.count = 10}, queue);
    PipelineRun run(std::move(graph), jumping());
    run.wait();
    const QueueCounters counters = run.statistics().flows.at(0).counters;
    EXPECT_EQ(counters.sent, 10u);
    EXPECT_EQ(counters.taken + counters.dropped, 10u);
    EXPECT_EQ(seen->numbers.size(), counters.taken);
  }
}

TEST(Run, TimersBeatAsTheirPolicySays) {
  const auto gaps = [](Periodic::Policy policy) {
    const auto seen = kSeen();
    Graph graph;
    graph.add("source", std::make_unique<Source>(), {}, {.periodic = Periodic{10ms, policy}, .count = 6});
    graph.add("sink", std::make_unique<Sink>(seen));
    graph.connect("source", "sink");
    PipelineRun run(std::move(graph), jumping());
    run.wait();
    std::vector<std::int64_t> all;
    for (std::size_t n = 1; n < seen->times.size(); ++n)
      all.push_back((seen->times[n] - seen->times[n - 1]) / 1'000'000);
    return all;
  };
  for (const auto policy :
       {Periodic::Policy::catch_up, Periodic::Policy::min_time_between, Periodic::Policy::no_catch_up}) {
    EXPECT_THAT(gaps(policy), ElementsAre(10, 10, 10, 10, 10));
  }
}

TEST(Beat, WhatWasMissedFollowsOrIsLeftOut) {
  const auto due_after_a_late_tick = [](Periodic::Policy policy) {
    Beat beat({10ns, policy});
    beat.ticked(0);   // next at 10
    beat.ticked(34);  // three late
    return beat.next();
  };
  EXPECT_EQ(due_after_a_late_tick(Periodic::Policy::catch_up), 20);
  EXPECT_EQ(due_after_a_late_tick(Periodic::Policy::min_time_between), 44);
  EXPECT_EQ(due_after_a_late_tick(Periodic::Policy::no_catch_up), 40);
}

TEST(Run, BatchesWaitForEnoughOrForTheOldestToBeTooOld) {
  const auto seen = kSeen();
  const auto batch = [](InputPort& port) { port.needs(4).or_after(35ms).queue({8, WhenFull::block}); };
  Graph graph = test::pair_of(std::make_unique<Source>(), std::make_unique<Sink>(seen, batch),
                              {.periodic = Periodic{10ms}, .count = 6});
  PipelineRun run(std::move(graph), jumping());
  EXPECT_EQ(run.wait().ending, Ending::finished);
  ASSERT_EQ(seen->numbers, one_to(6));
  EXPECT_EQ(seen->times[3] - seen->times[0], 0) << "four together";
  EXPECT_EQ(seen->times[5] - seen->times[3], 45'000'000) << "two more, once the first of them has waited 35 ms";
}

TEST(Run, ConditionsOfAPipelineMakeBatches) {
  const auto seen = kSeen();
  Graph graph;
  graph.add("source", std::make_unique<Source>(), {}, {.periodic = Periodic{10ms}, .count = 6});
  graph.add("sink", std::make_unique<Sink>(seen), {}, {.inputs = {{.name = "in", .messages = 4, .after = 35ms}}});
  graph.connect("source", "sink", {.capacity = 8});
  PipelineRun run(std::move(graph), jumping());
  EXPECT_EQ(run.wait().ending, Ending::finished);
  ASSERT_EQ(seen->numbers, one_to(6));
  EXPECT_EQ(seen->times[3] - seen->times[0], 0);
  EXPECT_EQ(seen->times[5] - seen->times[3], 45'000'000);
}

/// Works until it is told to give up.
class Slow final : public Operator {
 public:
  explicit Slow(std::atomic<bool>& working) : working_(working) {}
  void setup(Setup&) override {}
  void compute() override {
    const sagittal::RunControl control{{}, context().ending()};
    working_ = true;
    for (;; std::this_thread::sleep_for(1ms)) control.check();
  }

 private:
  std::atomic<bool>& working_;
};

TEST(Run, WhoWorksForLongIsToldToGiveUp) {
  std::atomic<bool> working = false;
  Graph graph;
  graph.add("slow", std::make_unique<Slow>(working));
  PipelineRun run(std::move(graph), {});
  while (!working) std::this_thread::sleep_for(1ms);
  run.stop();
  EXPECT_EQ(run.wait().ending, Ending::stopped);
  EXPECT_EQ(run.statistics().operators.at(0).errors, 0u);
}

class Event final : public Operator {
 public:
  explicit Event(std::shared_ptr<AsyncEvent> event) : event_(std::move(event)) {}
  void setup(Setup& setup) override {
    setup.output(out_, "out");
    setup.runs_on(*event_);
  }
  void compute() override { out_.send(test::Number{++count_}, {}); }

 private:
  Output<test::Number> out_;
  std::shared_ptr<AsyncEvent> event_;
  std::int64_t count_ = 0;
};

TEST(Run, AnEventOfAnotherThreadWakesItAndEndsIt) {
  const auto seen = kSeen();
  const auto event = std::make_shared<AsyncEvent>();
  PipelineRun run(test::pair_of(std::make_unique<Event>(event), std::make_unique<Sink>(seen), {}), {.threads = 2});
  EXPECT_EQ(run.wait_for(20ms), nullptr) << "waits without a deadlock";
  for (std::size_t n = 1; n <= 3; ++n) {
    event->notify();
    while (seen->size() < n) std::this_thread::sleep_for(1ms);
  }
  event->finish();
  EXPECT_EQ(run.wait().ending, Ending::finished);
  EXPECT_EQ(seen->numbers, one_to(3));
}

TEST(Run, WhatWasNotifiedBeforeItBeganIsNotLost) {
  const auto seen = kSeen();
  const auto event = std::make_shared<AsyncEvent>();
  event->notify();
  event->finish();
  PipelineRun run(test::pair_of(std::make_unique<Event>(event), std::make_unique<Sink>(seen), {}), {});
  EXPECT_EQ(run.wait().ending, Ending::finished);
  EXPECT_EQ(seen->numbers, one_to(1));
}

/// Two inputs, each of which is enough.
class Either final : public Operator {
 public:
  explicit Either(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}
  void setup(Setup& setup) override {
    setup.input(a_, "a");
    setup.input(b_, "b");
    setup.any_of({&a_, &b_});
  }
  void compute() override {
    for (auto* port : {&a_, &b_}) {
      if (auto number = port->try_take()) seen_->numbers.push_back((*number)->value);
    }
  }

 private:
  Input<test::Number> a_, b_;
  std::shared_ptr<Seen> seen_;
};

TEST(Run, AlternativesRunWithOneOfThem) {
  const auto seen = kSeen();
  Graph graph;
  graph.add("one", std::make_unique<Source>(), {}, {.count = 2});
  graph.add("ten", std::make_unique<Source>(), {{"step", 10}}, {.count = 3});
  graph.add("either", std::make_unique<Either>(seen));
  graph.connect("one", "either.a");
  graph.connect("ten", "either.b");
  PipelineRun run(std::move(graph), {});
  EXPECT_EQ(run.wait().ending, Ending::finished);
  EXPECT_THAT(seen->numbers, ::testing::UnorderedElementsAre(1, 2, 10, 20, 30));
}

/// Two inputs, both of which are needed.
class Both final : public Operator {
 public:
  void setup(Setup& setup) override {
    setup.input(a_, "a");
    setup.input(b_, "b");
    setup.output(out_, "out");
  }
  void compute() override {
    auto a = a_.take();
    const auto b = b_.take();
    out_.send(test::Number{a->value + b->value}, std::move(a.envelope));
  }

 private:
  Input<test::Number> a_, b_;
  Output<test::Number> out_;
};

TEST(Run, InACircleADeadlockIsSeenAndSaid) {
  Graph graph;
  graph.add("source", std::make_unique<Source>(), {}, {.count = 5});
  graph.add("both", std::make_unique<Both>());
  graph.connect("source", "both.a");
  graph.connect("both.out", "both.b");  // nobody puts the first message in
  PipelineRun run(std::move(graph), {});
  const Outcome& outcome = run.wait();
  EXPECT_EQ(outcome.ending, Ending::deadlock);
  EXPECT_THAT(outcome.why, HasSubstr("\"both\" waits"));
}

TEST(Run, CountersAreNewAlsoWhereAnOperatorDoesNothing) {
  const auto seen = kSeen();
  PipelineRun run(test::pair_of(std::make_unique<Source>(true), std::make_unique<Sink>(seen), {.enabled = false}),
                  {.stop_on_deadlock = false});
  {
    const std::lock_guard lock(seen->mutex);
    seen->numbers.push_back(7);
  }
  const auto counted = [&] { return run.statistics().operators.at(1).counters.at("seen") == 1; };
  for (int n = 0; n < 2000 && !counted(); ++n) std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(counted());
  const Json told = to_json(run.statistics()).at("operators").at(1);
  EXPECT_GE(told.at("counters_age_s").get<double>(), 0);
  EXPECT_EQ(told.at("runs"), 0);
}

TEST(Run, WhoeverLooksOnDoesNotPutOffADeadlock) {
  Graph graph;
  graph.add("both", std::make_unique<Both>());
  graph.connect("both.out", "both.b");
  graph.connect("both.out", "both.a");
  PipelineRun run(std::move(graph), {.deadlock_timeout = 1s});
  int looked = 0;
  for (; looked < 3000 && run.wait_for(10ms) == nullptr; ++looked) run.statistics();
  EXPECT_EQ(run.wait().ending, Ending::deadlock);
  EXPECT_GT(looked, 20) << "counters were asked for meanwhile";
}

TEST(Run, WithoutEndOnDeadlockItWaitsToBeStopped) {
  Graph graph;
  graph.add("both", std::make_unique<Both>());
  graph.connect("both.out", "both.b");
  graph.connect("both.out", "both.a");
  PipelineRun run(std::move(graph), {.stop_on_deadlock = false});
  EXPECT_EQ(run.wait_for(30ms), nullptr);
  run.stop("enough");
  EXPECT_EQ(run.wait().ending, Ending::stopped);
  EXPECT_EQ(run.wait().why, "enough");
}

TEST(Run, ItsTimeIsLimited) {
  const auto seen = kSeen();
  RunOptions options = jumping();
  options.max_duration = 95ms;
  PipelineRun run(test::pair_of(std::make_unique<Source>(), std::make_unique<Sink>(seen), {.periodic = Periodic{10ms}}),
                  options);
  EXPECT_EQ(run.wait().ending, Ending::time_limit);
  EXPECT_EQ(seen->numbers, one_to(10));
}

class Fails final : public Operator {
 public:
  explicit Fails(bool at_start) : at_start_(at_start) {}
  void setup(Setup& setup) override { setup.input(in_, "in"); }
  void start() override {
    if (at_start_) throw Error(ErrorCode::not_found, "no such camera");
  }
  void compute() override {
    in_.take();
    throw Error(ErrorCode::bad_input, "odd");
  }

 private:
  Input<test::Number> in_;
  bool at_start_;
};

TEST(Run, WhatAnOperatorThrowsEndsItOrIsCounted) {
  Graph graph = test::pair_of(std::make_unique<Source>(), std::make_unique<Fails>(false), {.count = 3});
  PipelineRun run(std::move(graph), {});
  ASSERT_EQ(run.wait().ending, Ending::failed);
  EXPECT_STREQ(run.wait().error->what(), "operator \"sink\": odd");

  Graph patient;
  patient.add("source", std::make_unique<Source>(), {}, {.count = 3});
  patient.add("sink", std::make_unique<Fails>(false), {}, {.on_error = OnError::skip});
  patient.connect("source", "sink");
  PipelineRun going_on(std::move(patient), {});
  EXPECT_EQ(going_on.wait().ending, Ending::finished);
  EXPECT_EQ(going_on.statistics().operators.at(1).errors, 3u);
  EXPECT_EQ(going_on.statistics().operators.at(1).last_error, "odd");
}

TEST(Run, WhoCannotStartStopsTheOthersAgain) {
  const auto seen = kSeen();
  Graph graph;
  graph.add("sink", std::make_unique<Sink>(seen));
  graph.add("source", std::make_unique<Source>());
  graph.add("bad", std::make_unique<Fails>(true));
  graph.connect("source", "sink");
  graph.connect("source", "bad");
  try {
    PipelineRun run(std::move(graph), {});
    FAIL() << "it started";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "operator \"bad\": no such camera");
  }
  EXPECT_EQ(seen->stopped, seen->started);
}

TEST(Run, ParametersCommandsAndSwitchesReachARunningOperator) {
  const auto seen = kSeen();
  PipelineRun run(
      test::pair_of(std::make_unique<Source>(true), std::make_unique<Sink>(seen), {.periodic = Periodic{1ms}}),
      {.threads = 2});
  run.set_parameter("source", "step", 100);
  EXPECT_EQ(run.statistics().operators.at(0).parameters.at("step"), 100);
  EXPECT_GE(run.command("sink", "count", {}).get<int>(), 0);
  EXPECT_ERROR(run.set_parameter("source", "step", 1000), ErrorCode::bad_input);
  EXPECT_ERROR(run.set_parameter("source", "step", "x"), ErrorCode::bad_input);
  EXPECT_ERROR(run.set_parameter("source", "stop", 1), ErrorCode::not_found);
  EXPECT_ERROR(run.set_parameter("source", "file", "a"), ErrorCode::conflict);
  EXPECT_ERROR(run.set_parameter("nobody", "step", 1), ErrorCode::not_found);
  EXPECT_ERROR(run.command("sink", "dance", {}), ErrorCode::unsupported);
  run.enable("source", false);
  std::this_thread::sleep_for(5ms);
  const std::size_t before = seen->size();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(seen->size(), before) << "off";
  run.enable("source", true);
  while (seen->size() == before) std::this_thread::sleep_for(1ms);
  run.stop();
  run.wait();
  EXPECT_ERROR(run.set_parameter("source", "step", 1), ErrorCode::gone);
}

TEST(Run, ManyThreadsAskAndManyMessagesFlow) {
  const auto seen = kSeen();
  Graph graph;
  graph.add("source", std::make_unique<Source>());
  for (int n = 0; n < 8; ++n) {
    graph.add("add" + std::to_string(n), std::make_unique<Add>(), {{"amount", 1}});
    graph.connect("source", "add" + std::to_string(n));
  }
  graph.add("sink", std::make_unique<Sink>(seen));
  for (int n = 0; n < 8; ++n) graph.connect("add" + std::to_string(n), "sink", FlowOptions{4, WhenFull::block});
  PipelineRun run(std::move(graph), {.threads = 4, .track_flows = FlowTrackerOptions{}});
  std::vector<std::future<void>> askers;
  for (int n = 0; n < 4; ++n) {
    askers.push_back(std::async(std::launch::async, [&run, n] {
      for (int k = 0; k < 50; ++k) {
        run.set_parameter("add" + std::to_string(n), "amount", k);
        static_cast<void>(run.statistics());
      }
    }));
  }
  for (auto& asker : askers) asker.get();
  run.stop();
  run.wait();
  EXPECT_GT(seen->size(), 100u);
}

}  // namespace
}  // namespace sagittal::stream
