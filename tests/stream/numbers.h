#pragma once
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "stream/run.h"

/// Operators for tests: a source that counts, one that adds, one that keeps what it gets.
namespace sagittal::stream::test {

struct Number {
  static constexpr std::string_view kValueName = "number";
  std::int64_t value = 0;
};

class Source final : public Operator {
 public:
  explicit Source(bool live = false) : live_(live) {}
  void setup(Setup& setup) override {
    OutputPort& port = setup.output(out_, "out");
    if (live_) port.live();
    setup.parameter(step_, "step", "from one number to the next").between(1, 100);
    setup.parameter(file_, "file", "whatever").fixed();
  }
  void compute() override {
    next_ += *step_;
    out_.send(Number{next_}, {"source", context().utc_now(), static_cast<std::uint64_t>(next_)});
  }

 private:
  Output<Number> out_;
  Parameter<std::int64_t> step_{1};
  Parameter<std::string> file_;
  const bool live_;
  std::int64_t next_ = 0;
};

class Add final : public Operator {
 public:
  explicit Add(std::function<void(std::int64_t)> on_number = {}) : on_number_(std::move(on_number)) {}
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup.parameter(amount_, "amount", "what is added");
  }
  void compute() override {
    auto number = in_.take();
    if (on_number_) on_number_(number->value);
    out_.send(Number{number->value + *amount_}, std::move(number.envelope));
  }

 private:
  Input<Number> in_;
  Output<Number> out_;
  Parameter<std::int64_t> amount_{0};
  std::function<void(std::int64_t)> on_number_;
};

/// What a Sink saw; shared with the test, which reads it once the run is over, or by `size`.
struct Seen {
  std::mutex mutex;
  std::vector<std::int64_t> numbers;
  std::vector<SteadyTime> times;
  int started = 0, stopped = 0;
  std::size_t size() {
    const std::lock_guard lock(mutex);
    return numbers.size();
  }
};

class Sink final : public Operator {
 public:
  explicit Sink(std::shared_ptr<Seen> seen, std::function<void(InputPort&)> with = {})
      : seen_(std::move(seen)), with_(std::move(with)) {}
  void setup(Setup& setup) override {
    InputPort& port = setup.input(in_, "in");
    if (with_) with_(port);
    setup.command("count", "how many came", [this](const Json&) { return Json(seen_->size()); });
  }
  void start() override { ++seen_->started; }
  void stop() override { ++seen_->stopped; }
  void compute() override {
    while (auto number = in_.try_take()) {
      const std::lock_guard lock(seen_->mutex);
      seen_->numbers.push_back((*number)->value);
      seen_->times.push_back(context().now());
    }
  }
  Json counters() const override { return {{"seen", seen_->size()}}; }

 private:
  Input<Number> in_;
  const std::shared_ptr<Seen> seen_;
  const std::function<void(InputPort&)> with_;
};

/// source -> sink, in a graph.
inline Graph pair_of(std::unique_ptr<Operator> source, std::unique_ptr<Operator> sink, const NodeOptions& options,
                     const FlowOptions& queue = {}) {
  Graph graph;
  graph.add("source", std::move(source), {}, options);
  graph.add("sink", std::move(sink));
  graph.connect("source", "sink", queue);
  return graph;
}

}  // namespace sagittal::stream::test
