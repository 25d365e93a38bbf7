#include "nn/device/devices.h"

#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "nn/cpu/shared_arena.h"
#include "nn/cpu/tuning.h"
#include "nn/device/agreement.h"
#include "nn/device/fallback.h"

namespace sagittal::nn {
namespace {

using OpenCards = std::vector<std::shared_ptr<cuda::Card>>;
using Kind = DeviceChoice::Kind;

std::string name_of(const cuda::Card& card) { return fmt::format("cuda:{} ({})", card.index(), card.name()); }

std::string names_of(const OpenCards& cards) {
  std::vector<std::string> names;
  for (const auto& card : cards) names.push_back(name_of(*card));
  return fmt::format("{}", fmt::join(names, ", "));
}

/// Whether a card computes as the processor does.
class Check {
 public:
  explicit Check(const CardDriver& driver) : driver_(driver) {
    cpu::CpuOptions options;
    options.precision = cpu::Precision::fp32;
    options.tuning = std::make_shared<cpu::Tuning>();
    reference_ = cpu::make_network(sample_.network, sample_.weights, options);
  }

  /// Why it cannot be used; nothing where it can. Throws what the card throws.
  std::optional<std::string> operator()(const std::shared_ptr<cuda::SharedCard>& card) const {
    return disagreement(*driver_.make_network(sample_.network, sample_.weights, {card}), *reference_, sample_.size);
  }

 private:
  const CardDriver& driver_;
  const Sample sample_;
  std::shared_ptr<const Network> reference_;
};

}  // namespace

CardDriver own_driver() { return {SAGITTAL_CUDA != 0, cuda::open_cards, cuda::share, cuda::make_network}; }

Devices::Devices(DeviceChoice choice, LogSink log, CardDriver driver)
    : choice_(choice), log_(std::move(log)), driver_(std::move(driver)) {
  if (choice_.kind == Kind::cuda) {
    try {
      open_chosen();
    } catch (Error& error) {
      throw error.within(fmt::format("--device {}", choice_.text()));
    }
  }
  if (choice_.kind == Kind::automatic && driver_.built_in) open_those_that_agree();
}

void Devices::open_chosen() {
  OpenCards cards = driver_.open();
  if (cards.empty()) throw Error(ErrorCode::not_found, "there is no GPU that CUDA can use");
  if (choice_.card != DeviceChoice::kAllCards) {
    const std::string there = names_of(cards);
    std::erase_if(cards, [this](const auto& card) { return card->index() != choice_.card; });
    if (cards.empty()) throw Error(ErrorCode::not_found, fmt::format("there is no such GPU; there are {}", there));
  }
  const Check wrong(driver_);
  for (const auto& card : cards) {
    cards_.push_back(driver_.share(card));
    if (const auto reason = wrong(cards_.back()))
      throw Error(ErrorCode::internal, fmt::format("{}: {}", name_of(*card), *reason));
  }
}

void Devices::open_those_that_agree() {
  const auto unused = [this](const std::string& what, const std::string& reason) {
    if (log_) log_(LogLevel::warning, fmt::format("{} not used: {}", what, reason));
  };
  OpenCards cards;
  try {
    cards = driver_.open();
  } catch (const Error& error) {
    unused("GPUs are", error.what());
  }
  if (cards.empty()) return;
  const Check wrong(driver_);
  for (const auto& card : cards) {
    std::optional<std::string> reason;
    try {
      auto shared = driver_.share(card);
      reason = wrong(shared);
      if (!reason) cards_.push_back(std::move(shared));
    } catch (const Error& error) {
      reason = error.what();
    }
    if (reason) unused(name_of(*card) + " is", *reason);
  }
}

/// Null where cards cannot compute this network and need not.
std::shared_ptr<const Network> Devices::try_cards(const UNet& network, const StateDict& weights) const {
  try {
    return driver_.make_network(network, weights, cards_);
  } catch (const Error& error) {
    if (choice_.kind == Kind::cuda || error.code() != ErrorCode::unsupported) throw;
    if (log_) log_(LogLevel::warning, fmt::format("computed by the processor: {}", error.what()));
    return nullptr;
  }
}

std::shared_ptr<const Network> Devices::make_network(const UNet& network, const StateDict& weights,
                                                     const cpu::CpuOptions& options,
                                                     std::shared_ptr<BufferPool> arenas) const {
  auto on_cards = cards_.empty() ? nullptr : try_cards(network, weights);
  auto on_processor = [=] { return cpu::make_network(network, weights, options, arenas); };
  if (!on_cards) return on_processor();
  return std::make_shared<FallbackNetwork>(std::move(on_cards), std::move(on_processor), log_);
}

std::shared_ptr<const Network> make_network(const UNet& network, const StateDict& weights,
                                            const NetworkOptions& options, std::shared_ptr<BufferPool> arenas) {
  if (options.devices) return options.devices->make_network(network, weights, options, std::move(arenas));
  return cpu::make_network(network, weights, options, std::move(arenas));
}

}  // namespace sagittal::nn
