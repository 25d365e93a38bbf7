#include "bench_graph.h"

#include <memory>
#include <utility>

#include <fmt/format.h>

#include "stream/histogram.h"
#include "stream/run.h"

namespace sagittal::commands {
namespace {

using namespace stream;

constexpr std::size_t kRelays = 8;  // between a source and a sink
constexpr double kFlows = kRelays + 1, kOperators = kRelays + 2;

struct Sent {
  static constexpr std::string_view kValueName = "time";
  SteadyTime at = 0;
};

class Source final : public Operator {
  void setup(Setup& setup) override { setup.output(out_, "out"); }
  void compute() override { out_.send(Sent{context().now()}, {"bench", {}, ++number_}); }

  Output<Sent> out_;
  std::uint64_t number_ = 0;
};

class Relay final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
  }
  void compute() override {
    auto sent = in_.take();
    out_.send(std::move(sent.value), std::move(sent.envelope));
  }

  Input<Sent> in_;
  Output<Sent> out_;
};

class Sink final : public Operator {
 public:
  explicit Sink(Histogram& ways) : ways_(ways) {}

 private:
  void setup(Setup& setup) override { setup.input(in_, "in"); }
  void compute() override {
    const auto sent = in_.take();
    ways_.add(context().now() - sent->at);
  }

  Input<Sent> in_;
  Histogram& ways_;
};

Histogram ways_through(int threads, std::chrono::seconds time, const NodeOptions& source) {
  Histogram ways;
  Graph graph;
  graph.add("source", std::make_unique<Source>(), Json::object(), source);
  std::string before = "source";
  for (std::size_t n = 0; n < kRelays; ++n) {
    const std::string name = fmt::format("relay{}", n);
    graph.add(name, std::make_unique<Relay>());
    graph.connect(before, name);
    before = name;
  }
  graph.add("sink", std::make_unique<Sink>(ways));
  graph.connect(before, "sink");
  PipelineRun(std::move(graph), {.threads = threads, .max_duration = time}).wait();
  return ways;
}

}  // namespace

Json bench_graph(std::chrono::seconds time) {
  Json result{{"operators", kOperators}};
  for (const int threads : {1, 2}) {
    const Histogram flat_out = ways_through(threads, time, {});
    const Histogram paced = ways_through(threads, time, {.periodic = Periodic{std::chrono::milliseconds(1)}});
    const double us = 1e6 * static_cast<double>(time.count());
    result[fmt::format("threads_{}", threads)] = {
        {"flat_out_us_per_operator", us / (static_cast<double>(flat_out.count()) * kOperators)},
        {"paced_p50_us_per_operator", 1e-3 * static_cast<double>(paced.percentile_ns(50)) / kFlows},
        {"paced_p99_us_per_operator", 1e-3 * static_cast<double>(paced.percentile_ns(99)) / kFlows}};
  }
  return result;
}

}  // namespace sagittal::commands
