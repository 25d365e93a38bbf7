#pragma once
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <utility>
#include <vector>

#include "stream/operators/operators.h"
#include "stream/run.h"

/// Runs operators on given messages.
namespace sagittal::stream::test {

/// A frame [k = 1, height, width, components] with the values given, on a grid of 1 mm.
template <class T>
Frame frame(std::int64_t width, std::int64_t height, const std::vector<T>& values, int components = 1) {
  Bytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  Frame made{{.size = {width, height, 1}}, components, scalar_type_of<T>(), SharedBytes(std::move(bytes))};
  check_frame(made);
  return made;
}

template <class T>
std::vector<T> values_of(const Frame& frame) {
  EXPECT_EQ(frame.type, scalar_type_of<T>());
  const auto values = frame.as<T>();
  return {values.begin(), values.end()};
}

/// Sends its messages in their order, then ends.
template <class T>
class Give final : public Operator {
 public:
  explicit Give(std::vector<std::pair<T, Envelope>> messages) : messages_(std::move(messages)) {}
  void setup(Setup& setup) override { setup.output(out_, "out"); }
  void compute() override {
    if (next_ < messages_.size()) out_.send(messages_[next_].first, messages_[next_].second);
    if (++next_ >= messages_.size()) context().finish();
  }

 private:
  Output<T> out_;
  std::vector<std::pair<T, Envelope>> messages_;
  std::size_t next_ = 0;
};

/// Keeps what comes; read once the run is over, or under the lock.
template <class T>
struct Kept {
  std::mutex mutex;
  std::vector<Incoming<T>> all;
  std::size_t size() {
    const std::lock_guard lock(mutex);
    return all.size();
  }
  const T& operator[](std::size_t n) const { return *all.at(n); }
  const Envelope& envelope(std::size_t n) const { return all.at(n).envelope; }
};
template <class T>
class Keep final : public Operator {
 public:
  explicit Keep(std::shared_ptr<Kept<T>> kept) : kept_(std::move(kept)) {}
  void setup(Setup& setup) override { setup.input(in_, "in"); }
  void compute() override {
    auto message = in_.take();
    const std::lock_guard lock(kept_->mutex);
    kept_->all.push_back(std::move(message));
  }

 private:
  Input<T> in_;
  std::shared_ptr<Kept<T>> kept_;
};

inline OperatorRegistry standard_operators() {
  OperatorRegistry registry;
  add_standard_operators(registry);
  return registry;
}

inline std::unique_ptr<Operator> make(std::string_view type) { return standard_operators().make(type); }

/// Messages with sequence 1, 2, … and the times given in milliseconds.
template <class T>
std::vector<std::pair<T, Envelope>> numbered(const std::vector<T>& values, const std::string& device = "Image",
                                             std::int64_t step_ms = 10) {
  std::vector<std::pair<T, Envelope>> messages;
  for (const T& value : values) {
    const auto number = static_cast<std::int64_t>(messages.size() + 1);
    messages.push_back({value, {device, number * step_ms * 1'000'000, static_cast<std::uint64_t>(number)}});
  }
  return messages;
}

template <class T>
std::unique_ptr<Operator> give(std::vector<std::pair<T, Envelope>> messages) {
  return std::make_unique<Give<T>>(std::move(messages));
}
template <class T>
std::unique_ptr<Operator> keep(const std::shared_ptr<Kept<T>>& kept) {
  return std::make_unique<Keep<T>>(kept);
}

inline Outcome run(Graph graph, int threads = 1) {
  RunOptions options;
  options.threads = threads;
  options.clock = Clock::Kind::jumping;
  PipelineRun running(std::move(graph), options);
  return running.wait();
}

/// Every frame through one operator; its error is thrown.
template <class Out = Frame, class In = Frame>
std::shared_ptr<Kept<Out>> through(std::string_view type, const Json& parameters, const std::vector<In>& values,
                                   const std::string& output = "out") {
  const auto kept = std::make_shared<Kept<Out>>();
  Graph graph;
  graph.add("source", give(numbered(values)));
  graph.add("op", make(type), parameters);
  graph.add("sink", keep(kept));
  graph.connect("source", "op");
  graph.connect("op." + output, "sink");
  const Outcome outcome = run(std::move(graph));
  if (outcome.error) throw *outcome.error;
  return kept;
}

}  // namespace sagittal::stream::test
