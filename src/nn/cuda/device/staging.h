#pragma once
#include <array>
#include <cstddef>
#include <span>

#include "nn/cuda/device/stream.h"

namespace sagittal::nn::cuda {

/// Copies between ordinary memory and a card by way of two pinned blocks in turn, so that a card reads or writes one
/// while a processor fills or empties the other. One thread.
class Staging {
 public:
  Staging();
  void upload(std::byte* to, std::span<const std::byte> from, cudaStream_t stream);
  void download(std::span<std::byte> to, const std::byte* from, cudaStream_t stream);
  /// What was downloaded is where it belongs.
  void finish();

 private:
  struct Block {
    PinnedBytes bytes;
    Event last_use;
    std::span<std::byte> belongs_to;  ///< what a download left in it
  };
  Block& next();
  static void empty(Block& block);

  std::array<Block, 2> blocks_;
  std::size_t turn_ = 0;
};

}  // namespace sagittal::nn::cuda
