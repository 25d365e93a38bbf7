#include "nn/device/devices.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "expect_error.h"
#include "nn/cpu/shared_arena.h"
#include "nn/device/agreement.h"
#include "nn/device/fallback.h"
#include "nn/noise.h"

namespace sagittal::nn {
namespace {

using Kind = DeviceChoice::Kind;
using testing::ElementsAre;
using testing::HasSubstr;

/// What an error says; empty for none.
template <class Do>
std::string refusal(Do action) {
  try {
    action();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ParseDevice, reads_what_it_writes) {
  for (const char* text : {"auto", "cpu", "cuda", "cuda:0", "cuda:17"}) EXPECT_EQ(parse_device(text).text(), text);
  EXPECT_EQ(parse_device("cuda:3"), (DeviceChoice{Kind::cuda, 3}));
}

TEST(ParseDevice, refuses_everything_else) {
  for (const char* text : {"", "gpu", "CPU", "cuda:", "cuda:-1", "cuda:+1", "cuda:1x", "cuda:0x1", "cuda: 1",
                           "cuda:1,2", "cuda:99999999999999999999", "cudax"}) {
    EXPECT_ERROR(parse_device(text), ErrorCode::wrong_usage);
  }
}

/// Answers with `answer`, or throws it.
class FakeNetwork : public Network {
 public:
  explicit FakeNetwork(float answer, std::string device = "cuda") : answer_(answer), device_(std::move(device)) {}
  explicit FakeNetwork(Error error) : device_("cuda"), error_(std::move(error)) {}

  int input_channels() const override { return 1; }
  int output_channels() const override { return 1; }
  void run(const SpatialSize&, std::span<const float>, std::span<float> logits, const RunControl&) const override {
    if (error_) throw *error_;
    std::fill(logits.begin(), logits.end(), answer_);
  }
  std::vector<StepTime> run_timed(const SpatialSize& size, std::span<const float> input,
                                  std::span<float> logits) const override {
    run(size, input, logits, {});
    return {{device_, "all", 0, 1}};
  }
  NetworkMemory memory(const SpatialSize&) const override { return {static_cast<std::size_t>(answer_), 0}; }
  NetworkUse use() const override { return {1, 2}; }
  std::string description() const override { return "fake " + device_; }
  std::string device() const override { return device_; }

 private:
  float answer_ = 0;
  std::string device_;
  std::optional<Error> error_;
};

struct Log {
  std::vector<std::string> lines;
  LogSink sink() {
    return [this](LogLevel, std::string_view line) { lines.emplace_back(line); };
  }
};

const Error kShort(ErrorCode::too_large, "cuda:0 has no memory left");

struct Fallback {
  explicit Fallback(std::shared_ptr<const Network> first) : network(std::move(first), make(), log.sink()) {}
  FallbackNetwork::Make make() {
    return [this] {
      ++made;
      return std::make_shared<FakeNetwork>(2.0F, "cpu");
    };
  }
  float answer() {
    const float input = 5;
    float logit = 0;
    network.run({1, 1, 1}, {&input, 1}, {&logit, 1}, {});
    return logit;
  }

  Log log;
  int made = 0;
  FallbackNetwork network;
};

TEST(FallbackNetwork, leaves_the_second_alone_while_the_first_answers) {
  Fallback fallback(std::make_shared<FakeNetwork>(1.0F));
  EXPECT_EQ(fallback.answer(), 1);
  EXPECT_EQ(fallback.made, 0);
  EXPECT_EQ(fallback.network.use().seconds, 1);
  EXPECT_THAT(fallback.log.lines, ElementsAre());
}

TEST(FallbackNetwork, asks_the_second_where_memory_is_short_and_says_so_once) {
  Fallback fallback(std::make_shared<FakeNetwork>(kShort));
  EXPECT_EQ(fallback.answer(), 2);
  EXPECT_EQ(fallback.answer(), 2);
  EXPECT_EQ(fallback.made, 1);
  EXPECT_EQ(fallback.network.use().seconds, 2);
  EXPECT_EQ(fallback.network.use().processor_seconds, 4);
  EXPECT_THAT(fallback.log.lines, ElementsAre("cuda:0 has no memory left; what does not fit is computed by fake cpu"));
}

TEST(FallbackNetwork, times_what_answered) {
  Fallback fallback(std::make_shared<FakeNetwork>(kShort));
  const float input = 5;
  float logit = 0;
  const auto steps = fallback.network.run_timed({1, 1, 1}, {&input, 1}, {&logit, 1});
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].layer, "cpu");
}

TEST(FallbackNetwork, hands_on_all_other_errors) {
  Fallback fallback(std::make_shared<FakeNetwork>(Error(ErrorCode::cancelled, "stop")));
  EXPECT_ERROR(fallback.answer(), ErrorCode::cancelled);
  EXPECT_EQ(fallback.made, 0);
}

TEST(FallbackNetwork, speaks_for_the_first) {
  Fallback fallback(std::make_shared<FakeNetwork>(7.0F));
  EXPECT_EQ(fallback.network.device(), "cuda");
  EXPECT_EQ(fallback.network.description(), "fake cuda");
  EXPECT_EQ(fallback.network.memory({1, 1, 1}).maps, 7U);
}

/// The processor's answers, each made another one.
class Altered : public Network {
 public:
  using Alter = std::function<float(float)>;
  Altered(const UNet& network, const StateDict& weights, Alter alter)
      : network_(cpu::make_network(network, weights, {1, cpu::Precision::fp32})), alter_(std::move(alter)) {}

  int input_channels() const override { return network_->input_channels(); }
  int output_channels() const override { return network_->output_channels(); }
  void run(const SpatialSize& size, std::span<const float> input, std::span<float> logits,
           const RunControl& control) const override {
    network_->run(size, input, logits, control);
    std::transform(logits.begin(), logits.end(), logits.begin(), alter_);
  }
  std::string description() const override { return "altered"; }
  std::string device() const override { return "cuda"; }

 private:
  std::shared_ptr<const Network> network_;
  Alter alter_;
};

std::optional<std::string> disagreement_of(const Altered::Alter& alter) {
  const Sample sample;
  const Altered candidate(sample.network, sample.weights, alter);
  const auto reference = cpu::make_network(sample.network, sample.weights, {1, cpu::Precision::fp32});
  return disagreement(candidate, *reference, sample.size);
}

TEST(Disagreement, is_none_for_what_half_precision_rounds) {
  EXPECT_EQ(disagreement_of([](float x) { return x; }), std::nullopt);
  EXPECT_EQ(disagreement_of([](float x) { return x * 1.001F; }), std::nullopt);
}

TEST(Disagreement, is_found_in_one_logit) {
  int left = 1000;
  const auto reason = disagreement_of([&](float x) { return --left == 0 ? x + 1 : x; });
  ASSERT_TRUE(reason);
  EXPECT_THAT(*reason, HasSubstr("differ from the processor's by 1,"));
}

TEST(Disagreement, is_what_is_no_number_and_what_is_always_the_same) {
  EXPECT_TRUE(disagreement_of([](float) { return std::numeric_limits<float>::quiet_NaN(); }));
  EXPECT_TRUE(disagreement_of([](float) { return 0.0F; }));
}

TEST(Sample, has_logits_that_vary) {
  const Sample sample;
  const auto network = cpu::make_network(sample.network, sample.weights, {1, cpu::Precision::fp32});
  std::vector<float> input(2 * 16 * 16 * 16), logits(3 * 16 * 16 * 16);
  make_noise(input, 1);
  network->run(sample.size, input, logits, {});
  const auto [least, most] = std::minmax_element(logits.begin(), logits.end());
  EXPECT_GT(*most - *least, 0.1F);
  EXPECT_TRUE(std::isfinite(*least) && std::isfinite(*most));
}

class FakeCard : public cuda::Card {
 public:
  explicit FakeCard(int index) : index_(index) {}
  std::string name() const override { return "Fake"; }
  int index() const override { return index_; }
  std::uint64_t free_bytes() const override { return 0; }
  cuda::CardMemory allocate(std::size_t) override { throw kShort; }
  std::size_t workspace_bytes(const cuda::Convolution&) override { return 0; }
  std::unique_ptr<cuda::Queue> make_queue() override { return nullptr; }

 private:
  int index_;
};

/// A machine with cards, whose answers are the processor's, altered.
struct Machine {
  int cards = 2;
  Altered::Alter alter = [](float x) { return x; };
  int shared = 0;
  std::optional<Error> no_opening = {}, no_network = {};

  CardDriver driver() {
    return {.built_in = true,
            .open =
                [this] {
                  if (no_opening) throw *no_opening;
                  std::vector<std::shared_ptr<cuda::Card>> all;
                  for (int n = 0; n < cards; ++n) all.push_back(std::make_shared<FakeCard>(n));
                  return all;
                },
            .share =
                [this](const std::shared_ptr<cuda::Card>&) {
                  ++shared;
                  return std::shared_ptr<cuda::SharedCard>();
                },
            .make_network = [this](const UNet& network, const StateDict& weights,
                                   const CardDriver::Cards& on) -> std::shared_ptr<const Network> {
              used = on.size();
              if (no_network && network.input_channels == 1) throw *no_network;
              return std::make_shared<Altered>(network, weights, alter);
            }};
  }

  std::size_t used = 0;  ///< cards of the network that was made last
};

/// A network like the sample's, and what it runs on.
std::string device_on(const Devices& devices) {
  UNet network = Sample().network;
  network.input_channels = 1;
  return devices.make_network(network, noise_weights(network), {1, cpu::Precision::fp32}, cpu::make_arenas())->device();
}

TEST(Devices, automatic_takes_all_cards_that_agree) {
  Machine machine;
  Log log;
  EXPECT_EQ(device_on(Devices({}, log.sink(), machine.driver())), "cuda");
  EXPECT_EQ(machine.used, 2U);
  EXPECT_THAT(log.lines, ElementsAre());
}

TEST(Devices, automatic_notes_cards_that_compute_wrongly) {
  Machine machine{.cards = 1, .alter = [](float x) { return x + 1; }};
  Log log;
  EXPECT_EQ(device_on(Devices({}, log.sink(), machine.driver())), "cpu");
  ASSERT_EQ(log.lines.size(), 1U);
  EXPECT_THAT(log.lines[0], HasSubstr("cuda:0 (Fake) is not used: its logits"));
}

TEST(Devices, automatic_notes_why_cards_do_not_open) {
  Machine machine{.no_opening = Error(ErrorCode::unsupported, "cuDNN is missing")};
  Log log;
  EXPECT_EQ(device_on(Devices({}, log.sink(), machine.driver())), "cpu");
  EXPECT_THAT(log.lines, ElementsAre("GPUs are not used: cuDNN is missing"));
}

TEST(Devices, automatic_notes_networks_that_cards_lack) {
  Machine machine{.no_network = Error(ErrorCode::unsupported, "no such layer")};
  Log log;
  EXPECT_EQ(device_on(Devices({}, log.sink(), machine.driver())), "cpu");
  EXPECT_THAT(log.lines, ElementsAre("computed by the processor: no such layer"));
}

TEST(Devices, automatic_is_silent_without_cards_or_without_cuda) {
  Machine none{.cards = 0};
  Machine unasked{.no_opening = Error(ErrorCode::internal, "asked")};
  CardDriver without = unasked.driver();
  without.built_in = false;
  Log log;
  EXPECT_EQ(device_on(Devices({}, log.sink(), none.driver())), "cpu");
  EXPECT_EQ(device_on(Devices({}, log.sink(), without)), "cpu");
  EXPECT_THAT(log.lines, ElementsAre());
}

TEST(Devices, cpu_asks_no_card) {
  Machine machine;
  EXPECT_EQ(device_on(Devices({Kind::cpu}, {}, machine.driver())), "cpu");
  EXPECT_EQ(machine.shared, 0);
}

TEST(Devices, one_card_can_be_chosen) {
  Machine machine;
  EXPECT_EQ(device_on(Devices({Kind::cuda, 1}, {}, machine.driver())), "cuda");
  EXPECT_EQ(machine.used, 1U);
}

TEST(Devices, names_the_cards_that_there_are) {
  Machine machine;
  const auto open = [&] { Devices({Kind::cuda, 2}, {}, machine.driver()); };
  EXPECT_ERROR(open(), ErrorCode::not_found);
  EXPECT_EQ(refusal(open), "--device cuda:2: there is no such GPU; there are cuda:0 (Fake), cuda:1 (Fake)");
}

TEST(Devices, cuda_needs_a_card_that_opens_and_agrees) {
  Machine none{.cards = 0}, wrong{.alter = [](float x) { return -x; }};
  Machine closed{.no_opening = Error(ErrorCode::unsupported, "cuDNN is missing")};
  EXPECT_ERROR(Devices({Kind::cuda}, {}, none.driver()), ErrorCode::not_found);
  EXPECT_ERROR(Devices({Kind::cuda}, {}, closed.driver()), ErrorCode::unsupported);
  EXPECT_ERROR(Devices({Kind::cuda}, {}, wrong.driver()), ErrorCode::internal);
}

TEST(Devices, cuda_never_becomes_the_processor) {
  Machine machine{.no_network = Error(ErrorCode::unsupported, "no such layer")};
  const Devices devices({Kind::cuda}, {}, machine.driver());
  EXPECT_ERROR(device_on(devices), ErrorCode::unsupported);
}

}  // namespace
}  // namespace sagittal::nn
