#include "nn/cpu/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>

#include "expect_error.h"
#include "nn/cpu/builder.h"
#include "nn/cpu/shared_arena.h"
#include "nn/cpu/tuning.h"
#include "nn/hashed_tensors.h"
#include "nn/parity_cases.h"

namespace sagittal::nn {
namespace {

using namespace parity;

std::vector<float> run(const Network& network, const SpatialSize& size, const std::vector<float>& input,
                       const RunControl& control = {}) {
  std::vector<float> logits(voxels(size) * static_cast<std::size_t>(network.output_channels()));
  network.run(size, input, logits, control);
  return logits;
}

/// With the logits over the input, from that of its values on.
std::vector<float> run_in_place(const Network& network, const SpatialSize& size, std::vector<float> input,
                                std::size_t first) {
  const std::size_t count = voxels(size) * static_cast<std::size_t>(network.output_channels());
  input.resize(std::max(input.size(), first + count));
  const std::span<float> logits = std::span(input).subspan(first, count);
  const std::size_t inputs = voxels(size) * static_cast<std::size_t>(network.input_channels());
  network.run(size, std::span(input).first(inputs), logits, {});
  return {logits.begin(), logits.end()};
}

void expect_same_in_place(const Network& network, const SpatialSize& size, const std::vector<float>& input) {
  const std::vector<float> apart = run(network, size, input);
  for (const std::size_t first : {std::size_t{0}, input.size() / 3, input.size() - 1}) {
    EXPECT_EQ(run_in_place(network, size, input, first), apart) << "from value " << first;
  }
}

class NetworkParity : public testing::TestWithParam<std::string> {};

TEST_P(NetworkParity, Fp32AgreesWithTheOriginal) {
  const Case& c = case_named(GetParam());
  const auto network = cpu::make_network(c.network, hashed::weights(c.network), {2, cpu::Precision::fp32});
  const std::vector<float> logits = run(*network, c.size, hashed_input(c));
  const auto stride = c.json["stride"].get<std::size_t>();
  double worst = 0;
  for (std::size_t i = 0; i < c.values.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(logits.at(i * stride)) - static_cast<double>(c.values[i])));
  }
  EXPECT_LE(worst / c.json["max_abs"].get<double>(), 1e-4);
  EXPECT_EQ(c.values.size(), (logits.size() + stride - 1) / stride);
}

/// bf16 keeps 8 bits: a few per cent of the logits' rms on random weights, where most logits are close to each other.
TEST_P(NetworkParity, Bf16IsCloseToTheOriginal) {
  const Case& c = case_named(GetParam());
  std::shared_ptr<const Network> network;
  try {
    network = cpu::make_network(c.network, hashed::weights(c.network), {2, cpu::Precision::bf16});
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
  const std::vector<float> logits = run(*network, c.size, hashed_input(c));
  EXPECT_LE(relative_error(c, logits), 0.03);
}

class NetworkMemoryUse : public NetworkParity {};

TEST_P(NetworkMemoryUse, LogitsMayLieOverTheInput) {
  const Case& c = case_named(GetParam());
  const auto network = cpu::make_network(c.network, hashed::weights(c.network), {2, cpu::Precision::fp32});
  expect_same_in_place(*network, c.size, hashed_input(c));
}

/// The weights as a plan counts them, and as they are made for a run.
template <class T>
void expect_counted_as_made(const Case& c, cpu::Tuning& tuning) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  std::vector<std::size_t> bytes;
  for (const cpu::Packing packing : {cpu::Packing::counted, cpu::Packing::made}) {
    cpu::WeightStore store(hashed::weights(c.network), engine, packing);
    cpu::Program program;
    cpu::Workshop shop{program, store, cpu::select_kernels(), 2, &tuning};
    cpu::build_network<T>(shop, c.network, c.size);
    bytes.push_back(store.packed_bytes());
  }
  EXPECT_EQ(bytes[0], bytes[1]);
  EXPECT_GT(bytes[0], 0U);
}

TEST_P(NetworkMemoryUse, TellsTheMemoryOfARun) {
  const Case& c = case_named(GetParam());
  const auto tuning = std::make_shared<cpu::Tuning>();
  const auto arenas = std::make_shared<BufferPool>(std::size_t{1} << 30);
  const cpu::CpuOptions options{2, cpu::Precision::fp32, tuning};
  const auto network = cpu::make_network(c.network, hashed::weights(c.network), options, arenas);
  const NetworkMemory planned = network->memory(c.size);
  EXPECT_EQ(arenas->find(1).size(), 0U) << "a plan takes none of it";
  run(*network, c.size, hashed_input(c));
  EXPECT_EQ(arenas->find(1).size(), planned.maps);
  expect_counted_as_made<float>(c, *tuning);
  if (cpu::select_kernels().bf16 != nullptr) expect_counted_as_made<cpu::Bf16>(c, *tuning);
}

TEST_P(NetworkParity, ListsTheOriginalsParameters) {
  const Case& c = case_named(GetParam());
  std::int64_t count = 0;
  const auto parameters = parameters_of(c.network);
  for (const Parameter& p : parameters) {
    std::int64_t elements = 1;
    for (const std::int64_t extent : p.shape) elements *= extent;
    count += elements;
  }
  EXPECT_EQ(parameters.size(), c.json["tensors"].get<std::size_t>());
  EXPECT_EQ(count, c.json["parameters"].get<std::int64_t>());
}

INSTANTIATE_TEST_SUITE_P(Parity, NetworkParity, testing::ValuesIn(case_names()), [](const auto& c) { return c.param; });

INSTANTIATE_TEST_SUITE_P(Parity, NetworkMemoryUse, testing::ValuesIn(small_case_names()),
                         [](const auto& c) { return c.param; });

/// Pointwise layers at full resolution are fused; written as 3x3x3 kernels of zeros around the centre they are not.
StateDict with_wide_first_kernel(const UNet& narrow, const UNet& wide) {
  StateDict out = hashed::weights(narrow);
  for (const Parameter& p : parameters_of(wide)) {
    const TensorView& from = *out.find(p.name);
    if (from.shape == p.shape) continue;
    const std::vector<float> values = to_float(from);
    std::vector<float> spread(values.size() * 27, 0.0F);
    for (std::size_t i = 0; i < values.size(); ++i) spread[i * 27 + 13] = values[i];
    out.add(p.name, p.shape, std::move(spread));
  }
  return out;
}

void expect_fused_equals_plain(UNet network, const SpatialSize& size, cpu::Precision precision, double tolerance) {
  const StateDict weights = hashed::weights(network);
  UNet wide = network;
  wide.encoder[0].kernel = {3, 3, 3};
  const auto fused = cpu::make_network(network, weights, {2, precision});
  const auto plain = cpu::make_network(wide, with_wide_first_kernel(network, wide), {2, cpu::Precision::fp32});
  const auto input = hashed::uniform("input", voxels(size) * static_cast<std::size_t>(network.input_channels));
  const std::vector<float> a = run(*fused, size, input), b = run(*plain, size, input);
  expect_same_in_place(*fused, size, input);
  double worst = 0, most = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    most = std::max(most, std::abs(static_cast<double>(b[i])));
  }
  EXPECT_LE(worst / most, tolerance);
}

UNet pointwise_network(BlockKind block, int features, int classes, const SpatialSize& stride) {
  UNet network;
  network.block = block;
  network.input_channels = 3;
  network.output_channels = classes;
  network.stem_features = block == BlockKind::plain ? 0 : features;
  network.encoder = {{features, {1, 1, 1}, {1, 1, 1}, 1, 4}, {20, {3, 3, 3}, stride, 1, 8}};
  network.decoder_convolutions = {1};
  return network;
}

TEST(CpuNetwork, FusedPointwiseLayersGiveWhatPlainOnesDo) {
  for (const BlockKind block : {BlockKind::plain, BlockKind::basic, BlockKind::bottleneck}) {
    for (const int features : {8, 12, 40}) {
      for (const int classes : {2, 3, 9}) {
        for (const SpatialSize& stride : {SpatialSize{2, 2, 2}, SpatialSize{1, 2, 1}, SpatialSize{2, 1, 3}}) {
          const SpatialSize size{4, 6, 3 * 2 * 3};
          expect_fused_equals_plain(pointwise_network(block, features, classes, stride), size, cpu::Precision::fp32,
                                    1e-5);
        }
      }
    }
  }
}

TEST(CpuNetwork, FusedPointwiseLayersRunInBf16) {
  try {
    expect_fused_equals_plain(pointwise_network(BlockKind::plain, 12, 3, {2, 2, 2}), {4, 6, 10}, cpu::Precision::bf16,
                              0.05);
  } catch (const Error& error) {
    GTEST_SKIP() << error.what();
  }
}

TEST(CpuNetwork, ThreadsAndOtherSizesDoNotChangeAnAnswer) {
  const Case& c = case_named("resenc_3d");
  const StateDict weights = hashed::weights(c.network);
  const std::vector<float> input = hashed_input(c);
  const auto tuning = std::make_shared<cpu::Tuning>();
  const auto one = cpu::make_network(c.network, weights, {1, cpu::Precision::fp32, tuning});
  const auto two = cpu::make_network(c.network, weights, {2, cpu::Precision::fp32, tuning});
  const std::vector<float> expected = run(*one, c.size, input);
  run(*two, {8, 8, 8}, std::vector<float>(8 * 512, 0.5F));
  EXPECT_EQ(run(*two, c.size, input), expected);
  EXPECT_EQ(run(*two, c.size, input), expected);
}

TEST(CpuNetwork, SeveralThreadsMayRunAtOnce) {
  const Case& c = case_named("plain_3d");
  const auto network = cpu::make_network(c.network, hashed::weights(c.network), {1, cpu::Precision::fp32});
  const std::vector<float> input = hashed_input(c);
  const std::vector<float> expected = run(*network, c.size, input);
  std::vector<std::vector<float>> results(4);
  {
    std::vector<std::jthread> threads;
    for (auto& result : results) threads.emplace_back([&] { result = run(*network, c.size, input); });
  }
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST(CpuNetwork, ConstantInputGivesFiniteLogits) {
  const Case& c = case_named("resenc_3d");
  const auto network = cpu::make_network(c.network, hashed::weights(c.network), {1, cpu::Precision::fp32});
  const auto logits = run(*network, {8, 8, 8}, std::vector<float>(8 * 512, 1e6F));
  EXPECT_TRUE(std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); }));
}

TEST(CpuNetwork, WrongSizesAreErrors) {
  const Case& c = case_named("plain_3d");
  const auto network = cpu::make_network(c.network, hashed::weights(c.network));
  std::vector<float> input(8 * 512), logits(2 * 512);
  const RunControl control;
  EXPECT_ERROR(network->run({8, 8, 6}, input, logits, control), ErrorCode::bad_input);
  EXPECT_ERROR(network->run({8, 8, 0}, input, logits, control), ErrorCode::bad_input);
  EXPECT_ERROR(network->run({8, 8, 12}, input, logits, control), ErrorCode::bad_input);
  EXPECT_ERROR(network->run({INT64_MAX - 7, 8, 8}, input, logits, control), ErrorCode::bad_input);
  EXPECT_ERROR(network->memory({8, 8, 6}), ErrorCode::bad_input);
  EXPECT_NO_THROW(network->run({8, 8, 8}, input, logits, control));
}

TEST(CpuNetwork, StopsWhenCancelled) {
  const Case& c = case_named("plain_3d");
  const auto network = cpu::make_network(c.network, hashed::weights(c.network));
  std::vector<float> input(8 * 512), logits(2 * 512);
  const RunControl control;
  control.cancel.cancel();
  EXPECT_ERROR(network->run({8, 8, 8}, input, logits, control), ErrorCode::cancelled);
}

TEST(CpuNetwork, StopsBetweenLayersAndRunsAgain) {
  const Case& c = case_named("resenc_3d");
  const auto network = cpu::make_network(c.network, hashed::weights(c.network), {1, cpu::Precision::fp32});
  const SpatialSize size{64, 64, 64};
  const auto input = hashed::uniform("input", voxels(size) * 8);
  const std::vector<float> expected = run(*network, size, input);
  RunControl control;
  double reached = 0;
  control.sink = [&](const Progress& progress) {
    EXPECT_GE(progress.fraction, reached);
    reached = progress.fraction;
    if (reached > 0.5) control.cancel.cancel();
  };
  EXPECT_ERROR(run(*network, size, input, control), ErrorCode::cancelled);
  EXPECT_GT(reached, 0.5);
  EXPECT_LT(reached, 0.6) << "no layer began after it";
  EXPECT_EQ(run(*network, size, input), expected);
}

TEST(CpuNetwork, IncompleteWeightsAreAnError) {
  const Case& c = case_named("plain_3d");
  StateDict weights = hashed::weights(c.network);
  weights.tensors.erase(weights.tensors.begin());
  EXPECT_ERROR(cpu::make_network(c.network, weights), ErrorCode::bad_input);
}

}  // namespace
}  // namespace sagittal::nn
