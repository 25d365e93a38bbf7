#include <array>

#include <fmt/format.h>

#include "stream/frame.h"
#include "stream/histogram.h"
#include "stream/json_text.h"
#include "stream/operators/operators.h"
#include "stream/statistics.h"
#include "stream/values.h"

namespace sagittal::stream {
namespace {

class Every final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out").like({&in_});
    setup.parameter(k_, "k", "one of so many messages goes on, the first of them").between(1, 1'000'000);
  }
  void start() override { seen_ = 0; }
  void compute() override {
    Message message = in_.take();
    if (seen_++ % static_cast<std::uint64_t>(*k_) == 0) out_.send(std::move(message));
  }

  Input<Any> in_;
  Output<Any> out_;
  Parameter<std::int64_t> k_{2};
  std::uint64_t seen_ = 0;
};

class Switch final : public Operator {
  static constexpr std::size_t kInputs = 8;

  void setup(Setup& setup) override {
    std::vector<const InputPort*> inputs;
    for (std::size_t n = 0; n < kInputs; ++n) {
      inputs.push_back(&setup.input(in_[n], fmt::format("in{}", n + 1)).optional());
    }
    setup.output(out_, "out").like(std::move(inputs));
    setup.parameter(selected_, "selected", "the input whose messages go on; 0: none").between(0, kInputs);
  }
  void compute() override {
    for (std::size_t n = 0; n < kInputs; ++n) {
      while (auto message = in_[n].try_take()) {
        if (*selected_ == static_cast<std::int64_t>(n + 1)) out_.send(std::move(*message));
      }
    }
  }

  std::array<Input<Any>, kInputs> in_;
  Output<Any> out_;
  Parameter<std::int64_t> selected_{1};
};

/// Rate and age of what passes; the age is from the acquisition to here.
class StatisticsOperator final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(text_, "text");
    setup.parameter(every_, "every", "messages between two reports").between(1, 1'000'000);
  }
  void start() override { count_ = 0, first_ = 0, age_ = {}; }
  void compute() override {
    while (auto message = in_.try_take()) {
      const SteadyTime now = context().now();
      if (count_ == 0) first_ = now;
      last_ = now;
      ++count_;
      if (message->envelope.acquired != 0) age_.add(context().utc_now() - message->envelope.acquired);
      if (count_ % static_cast<std::uint64_t>(*every_) != 0) continue;
      Envelope envelope{std::string(context().name()), context().utc_now(),
                        count_ / static_cast<std::uint64_t>(*every_)};
      text_.send(Text{json_text(counters())}, std::move(envelope));
    }
  }
  Json counters() const override {
    Json all{{"messages", count_}};
    if (last_ > first_) {
      all["per_second"] = static_cast<double>(count_ - 1) * 1e9 / static_cast<double>(last_ - first_);
    }
    if (age_.count() > 0) all["age"] = to_json(age_);
    return all;
  }

  Input<Any> in_;
  Output<Text> text_;
  Parameter<std::int64_t> every_{100};
  std::uint64_t count_ = 0;
  SteadyTime first_ = 0, last_ = 0;
  Histogram age_;
};

class Log final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.parameter(every_, "every", "one of so many messages is said").between(1, 1'000'000);
  }
  void start() override { seen_ = 0; }
  void compute() override {
    while (auto message = in_.try_take()) {
      if (seen_++ % static_cast<std::uint64_t>(*every_) == 0) context().log(LogLevel::info, describe(*message));
    }
  }
  static std::string describe(const Message& message) {
    const Envelope& envelope = message.envelope;
    std::string text = fmt::format("{} \"{}\" {}", message.type.name, envelope.device, envelope.sequence);
    if (const auto* frame = value_in<Frame>(message)) {
      text +=
          fmt::format(": {} x {} {}", describe_shape(frame->geometry.size), frame->components, name_of(frame->type));
    } else if (const auto* words = value_in<Text>(message)) {
      text += ": " + words->text.substr(0, 200);
    } else if (const auto* transform = value_in<Transform>(message)) {
      const Vec3& at = transform->translation_mm;
      text += fmt::format(": {} at {:.1f} {:.1f} {:.1f} mm", transform->name, at[0], at[1], at[2]);
    }
    for (const auto& [key, value] : envelope.metadata.entries())
      text += fmt::format(" {}={}", key, value.substr(0, 60));
    return text;
  }

  Input<Any> in_;
  Parameter<std::int64_t> every_{1};
  std::uint64_t seen_ = 0;
};

class TextFilter final : public Operator {
  void setup(Setup& setup) override {
    setup.input(in_, "in");
    setup.output(out_, "out");
    setup.parameter(device_, "device", "texts of this name only; empty: of all");
    setup.parameter(contains_, "contains", "texts that hold this only; empty: all");
  }
  void compute() override {
    Incoming<Text> text = in_.take();
    const bool named = device_->empty() || text.envelope.device == *device_;
    if (named && text->text.find(*contains_) != std::string::npos) {
      out_.send(std::move(text.value), std::move(text.envelope));
    }
  }

  Input<Text> in_;
  Output<Text> out_;
  Parameter<std::string> device_, contains_;
};

}  // namespace

void add_flow_operators(OperatorRegistry& registry) {
  registry.add<Every>("every", "Lets one of k messages through, of any type.");
  registry.add<Switch>("switch", "Lets through what comes at one of its inputs; which, is chosen while it runs.");
  registry.add<StatisticsOperator>("statistics", "Counts what comes, its rate and its age, and reports them as text.");
  registry.add<Log>("log", "Writes a line for what comes.");
  registry.add<TextFilter>("text_filter", "Lets texts through by name and content.");
}

}  // namespace sagittal::stream
