#pragma once
#include <memory>

#include "nn/cuda/card.h"

namespace sagittal::nn::cuda {

/// A card in this machine's memory: convolutions as they are defined, kernels index after index, recordings as lists.
/// Memory begins as NaN, and what is asked of a queue is done only by `wait`, so that what a program forgets shows.
class HostCard final : public Card {
 public:
  explicit HostCard(std::size_t bytes = std::size_t{1} << 40) : left_(std::make_shared<std::size_t>(bytes)) {}

  std::string name() const override { return "host"; }
  int index() const override { return 0; }
  std::uint64_t free_bytes() const override { return *left_; }
  CardMemory allocate(std::size_t bytes) override;
  std::size_t workspace_bytes(const Convolution&) override { return 100; }
  std::unique_ptr<Queue> make_queue() override;

  int uploads = 0, recordings = 0;  ///< so far, of all queues

 private:
  std::shared_ptr<std::size_t> left_;
};

}  // namespace sagittal::nn::cuda
