#include "nn/cuda/network.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include <fmt/format.h>

#include "base/error.h"
#include "nn/cuda/builder.h"
#include "nn/cuda/shared_card.h"
#include "nn/network_checks.h"

namespace sagittal::nn::cuda {
namespace {

constexpr std::size_t kKeptPrograms = 8;

/// A pass of one size on one card, and its recording, which holds for one arena.
struct Prepared {
  SpatialSize size{};
  Program program;
  std::weak_ptr<std::byte> arena;
  std::unique_ptr<const Recording> recording;
};

/// What one network has on one card. Used in the card's turns only.
class OnCard {
 public:
  OnCard(const UNet& network, StateDict weights, std::shared_ptr<SharedCard> shared)
      : network_(network), originals_(std::move(weights)), shared_(std::move(shared)) {}

  SharedCard& shared() const { return *shared_; }

  void run(const SpatialSize& size, std::span<const float> input, std::span<float> logits, const RunControl& control) {
    const SharedCard::Turn turn(*shared_, control);
    Queue& queue = turn.queue();
    try {
      Prepared& prepared = prepare(size, turn);
      const CardMemory arena = turn.arena(prepared.program.arena_bytes());
      if (prepared.arena.lock() != arena) {
        prepared.recording = queue.record([&] { prepared.program.enqueue(queue, arena.get()); });
        prepared.arena = arena;
      }
      const Places at = prepared.program.places(arena.get());
      queue.upload(at.at<std::byte>(prepared.program.input), std::as_bytes(input));
      queue.replay(*prepared.recording);
      queue.download(std::as_writable_bytes(logits), at.at<std::byte>(prepared.program.logits));
      queue.wait();
    } catch (...) {
      settle(queue);
      throw;
    }
  }

 private:
  /// Nothing may still read or write the caller's memory.
  static void settle(Queue& queue) {
    try {
      queue.wait();
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the first one is thrown
    }
  }

  Prepared& prepare(const SpatialSize& size, const SharedCard::Turn& turn) {
    const auto found =
        std::find_if(prepared_.begin(), prepared_.end(), [&](const auto& one) { return one->size == size; });
    if (found != prepared_.end()) {
      std::rotate(found, found + 1, prepared_.end());
      return *prepared_.back();
    }
    if (!weights_) weights_ = std::make_unique<CardWeights>(originals_, turn.card(), turn.queue());
    auto made = std::make_unique<Prepared>();
    made->size = size;
    made->program = build_program(network_, size, *weights_, turn.card());
    if (prepared_.size() == kKeptPrograms) prepared_.erase(prepared_.begin());
    prepared_.push_back(std::move(made));
    return *prepared_.back();
  }

  const UNet& network_;
  StateDict originals_;
  std::shared_ptr<SharedCard> shared_;
  std::unique_ptr<CardWeights> weights_;
  std::vector<std::unique_ptr<Prepared>> prepared_;  // latest used last
};

class CardNetwork final : public Network {
 public:
  CardNetwork(const UNet& network, const StateDict& weights, std::vector<std::shared_ptr<SharedCard>> cards)
      : network_(network) {
    if (cards.empty()) throw Error(ErrorCode::unsupported, "no GPU to run on");
    check_parameters(network_, weights);
    for (auto& card : cards) on_.push_back(std::make_unique<OnCard>(network_, weights, std::move(card)));
  }

  int input_channels() const override { return network_.input_channels; }
  int output_channels() const override { return network_.output_channels; }

  void run(const SpatialSize& size, std::span<const float> input, std::span<float> logits,
           const RunControl& control) const override {
    check_run(network_, size, input.size(), logits.size());
    const auto start = std::chrono::steady_clock::now();
    const auto least = std::min_element(
        on_.begin(), on_.end(), [](const auto& a, const auto& b) { return a->shared().busy() < b->shared().busy(); });
    (*least)->run(size, input, logits, control);
    waited_ += (std::chrono::steady_clock::now() - start).count();
  }

  NetworkUse use() const override {
    return {std::chrono::duration<double>(std::chrono::steady_clock::duration(waited_.load())).count(), 0};
  }

  std::string description() const override {
    std::string names;
    for (const auto& on : on_) names += (names.empty() ? "" : ", ") + on->shared().card().name();
    return fmt::format("CUDA, fp16, {}", names);
  }

  std::string device() const override { return "cuda"; }

 private:
  const UNet network_;
  std::vector<std::unique_ptr<OnCard>> on_;
  mutable std::atomic<std::chrono::steady_clock::rep> waited_ = 0;
};

}  // namespace

std::shared_ptr<const Network> make_network(const UNet& network, const StateDict& weights,
                                            std::vector<std::shared_ptr<SharedCard>> cards) {
  return std::make_shared<CardNetwork>(network, weights, std::move(cards));
}

}  // namespace sagittal::nn::cuda
