#pragma once
#include <memory>
#include <vector>

#include "nn/architecture.h"
#include "nn/cuda/card.h"
#include "nn/network.h"
#include "nn/tensor.h"

namespace sagittal::nn::cuda {

/// A card as networks share it: one pass at a time in the order of arrival, in one arena that grows to the largest.
class SharedCard;
std::shared_ptr<SharedCard> share(std::shared_ptr<Card> card);

/// The network in half precision on one or several cards; a run goes to the one with the fewest runs waiting. Weights
/// are put onto a card once, when its first run begins; what a run of one size does is recorded once and replayed.
/// `weights` as for nn/cpu/network.h. A run throws Error(too_large) where a card's memory
/// does not suffice, before it touches its input.
std::shared_ptr<const Network> make_network(const UNet& network, const StateDict& weights,
                                            std::vector<std::shared_ptr<SharedCard>> cards);

}  // namespace sagittal::nn::cuda
