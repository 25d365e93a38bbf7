#include "nn/cuda/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "expect_error.h"
#include "nn/cuda/host_card.h"
#include "nn/cuda/shared_card.h"
#include "nn/hashed_tensors.h"
#include "nn/parity_cases.h"

namespace sagittal::nn::cuda {
namespace {

using namespace parity;

std::vector<float> run(const Network& network, const Case& c, const RunControl& control = {}) {
  std::vector<float> logits(voxels(c.size) * static_cast<std::size_t>(network.output_channels()));
  network.run(c.size, hashed_input(c), logits, control);
  return logits;
}

std::shared_ptr<const Network> on(const std::shared_ptr<HostCard>& card, const Case& c) {
  return make_network(c.network, hashed::weights(c.network), {share(card)});
}

class CardNetworkParity : public testing::TestWithParam<std::string> {};

/// Half precision keeps 11 bits.
TEST_P(CardNetworkParity, AgreesWithTheOriginal) {
  const Case& c = case_named(GetParam());
  const auto network = on(std::make_shared<HostCard>(), c);
  EXPECT_LE(relative_error(c, run(*network, c)), 0.004);
}

INSTANTIATE_TEST_SUITE_P(Parity, CardNetworkParity, testing::ValuesIn(small_case_names()),
                         [](const auto& c) { return c.param; });

/// The cards of this machine, where SAGITTAL_CUDA_TESTS asks for them.
class OnThisMachinesCards : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (std::getenv("SAGITTAL_CUDA_TESTS") == nullptr) GTEST_SKIP() << "SAGITTAL_CUDA_TESTS is not set";
    cards_ = open_cards();
    ASSERT_FALSE(cards_.empty()) << "no card";
  }
  std::vector<std::shared_ptr<Card>> cards_;
};

TEST_P(OnThisMachinesCards, AgreeWithTheOriginalAgainAndAgain) {
  const Case& c = case_named(GetParam());
  for (const auto& card : cards_) {
    const auto network = make_network(c.network, hashed::weights(c.network), {share(card)});
    const std::vector<float> first = run(*network, c);
    EXPECT_LE(relative_error(c, first), 0.004) << card->name();
    EXPECT_EQ(run(*network, c), first) << card->name();
  }
}

INSTANTIATE_TEST_SUITE_P(Parity, OnThisMachinesCards, testing::ValuesIn(case_names()),
                         [](const auto& c) { return c.param; });

TEST(CardNetwork, RecordsASizeOnceAndPutsWeightsOnceOnTheCard) {
  const Case& c = case_named("plain_3d_no_bias");
  const auto card = std::make_shared<HostCard>();
  const auto network = on(card, c);
  const std::vector<float> first = run(*network, c);
  const int uploads = card->uploads;
  EXPECT_EQ(run(*network, c), first);
  EXPECT_EQ(card->recordings, 1);
  EXPECT_EQ(card->uploads, uploads + 1);  // the input
  Case larger = c;
  larger.size[2] *= 2;
  const std::vector<float> wide = run(*network, larger);
  EXPECT_EQ(card->uploads, uploads + 2);
  EXPECT_EQ(card->recordings, 2);
  EXPECT_EQ(run(*network, c), first);  // in the larger arena
  EXPECT_EQ(card->recordings, 3);
  EXPECT_EQ(run(*network, larger), wide);
  EXPECT_EQ(card->recordings, 3);
}

TEST(CardNetwork, LogitsMayLieOverTheInput) {
  const Case& c = case_named("resenc_3d_no_bias");
  const auto network = on(std::make_shared<HostCard>(), c);
  const std::vector<float> apart = run(*network, c);
  std::vector<float> memory = hashed_input(c);
  const std::size_t inputs = memory.size();
  memory.resize(std::max(inputs, apart.size()));
  network->run(c.size, std::span(memory).first(inputs), std::span(memory).first(apart.size()), {});
  memory.resize(apart.size());
  EXPECT_EQ(memory, apart);
}

TEST(CardNetwork, ShortMemoryIsAnErrorAndLeavesTheCardUsable) {
  const Case &narrow = case_named("plain_3d_no_bias"), &wide = case_named("plain_3d");
  const auto ample = std::make_shared<HostCard>();
  const std::uint64_t before = ample->free_bytes();
  const auto measured = on(ample, narrow);
  const std::vector<float> expected = run(*measured, narrow);
  const auto card = std::make_shared<HostCard>(before - ample->free_bytes());
  const auto shared = share(card);
  EXPECT_ERROR(run(*make_network(wide.network, hashed::weights(wide.network), {shared}), wide), ErrorCode::too_large);
  const auto network = make_network(narrow.network, hashed::weights(narrow.network), {shared});
  EXPECT_EQ(run(*network, narrow), expected);
}

TEST(CardNetwork, TwoNetworksAndThreadsShareACard) {
  const Case &a = case_named("plain_3d_no_bias"), &b = case_named("resenc_3d_stem_slope");
  const auto card = share(std::make_shared<HostCard>());
  const auto one = make_network(a.network, hashed::weights(a.network), {card});
  const auto other = make_network(b.network, hashed::weights(b.network), {card});
  const std::vector<float> expected_one = run(*one, a), expected_other = run(*other, b);
  std::thread beside([&] {
    for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(run(*one, a), expected_one);
  });
  for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(run(*other, b), expected_other);
  beside.join();
}

TEST(CardNetwork, WrongSizesAndMissingWeightsAreErrors) {
  const Case& c = case_named("plain_3d_no_bias");
  const auto network = on(std::make_shared<HostCard>(), c);
  std::vector<float> few(7);
  EXPECT_ERROR(network->run(c.size, few, few, {}), ErrorCode::bad_input);
  EXPECT_ERROR(network->run({1, 1, 1}, few, few, {}), ErrorCode::bad_input);
  EXPECT_ERROR(make_network(c.network, {}, {share(std::make_shared<HostCard>())}), ErrorCode::bad_input);
  EXPECT_ERROR(make_network(c.network, hashed::weights(c.network), {}), ErrorCode::unsupported);
}

TEST(SharedCard, TurnsComeInOrderAndWaitingCanBeCancelled) {
  const auto shared = share(std::make_shared<HostCard>());
  std::vector<int> order;
  std::vector<std::thread> people;
  RunControl impatient;
  {
    const SharedCard::Turn mine(*shared, {});
    for (int n = 0; n < 3; ++n) {
      people.emplace_back([&shared, &order, n] {
        const SharedCard::Turn turn(*shared, {});
        order.push_back(n);
      });
      while (shared->busy() < static_cast<std::size_t>(n) + 2) std::this_thread::yield();
    }
    impatient.cancel.cancel();
    EXPECT_ERROR(SharedCard::Turn(*shared, impatient), ErrorCode::cancelled);
    EXPECT_EQ(shared->busy(), 4U);
  }
  for (std::thread& person : people) person.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
}

TEST(CardNetwork, GoesToTheCardWithTheShortestLine) {
  const Case& c = case_named("plain_3d_no_bias");
  const auto first = std::make_shared<HostCard>(), second = std::make_shared<HostCard>();
  const auto busy = share(first), idle = share(second);
  const auto network = make_network(c.network, hashed::weights(c.network), {busy, idle});
  const SharedCard::Turn taken(*busy, {});
  run(*network, c);
  EXPECT_EQ(first->recordings, 0);
  EXPECT_EQ(second->recordings, 1);
}

}  // namespace
}  // namespace sagittal::nn::cuda
