#pragma once
#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nn/cuda/kernels.h"
#include "nn/network.h"

namespace sagittal::nn::cuda {

/// A convolution with zero padding (k - 1) / 2 of half-precision maps, accumulated in float32. Weights are
/// [out channel][kd][kh][kw][in channel] without gaps. Channels are multiples of kOctet.
struct Convolution {
  SpatialSize size{};  ///< of the input
  SpatialSize kernel{1, 1, 1}, stride{1, 1, 1};
  int in_channels = 0, out_channels = 0;
  int in_pitch = 0, out_pitch = 0;  ///< channels from one voxel to the next

  auto operator<=>(const Convolution&) const = default;
};

/// Memory of a card; the last owner frees it.
using CardMemory = std::shared_ptr<std::byte>;

/// What a queue recorded, to be replayed at once.
class Recording {
 public:
  virtual ~Recording() = default;
};

/// Operations on a card that are done one after the other, while whoever asks for them goes on. One thread at a time.
/// Any call may throw what an operation before it met: Error(too_large) where memory is short, Error(internal).
class Queue {
 public:
  virtual ~Queue() = default;
  /// `from` and `to` on this side must stay until `wait`.
  virtual void upload(std::byte* to, std::span<const std::byte> from) = 0;
  virtual void download(std::span<std::byte> to, const std::byte* from) = 0;
  /// `workspace` has `Card::workspace_bytes` of this convolution.
  virtual void convolve(const Convolution& convolution, const Half* in, const Half* weights, Half* out,
                        std::byte* workspace) = 0;
  virtual void run(const Kernel& kernel) = 0;
  /// Returns when all is done.
  virtual void wait() = 0;
  /// What `enqueue` asks of this queue, without doing it.
  virtual std::unique_ptr<const Recording> record(const std::function<void()>& enqueue) = 0;
  virtual void replay(const Recording& recording) = 0;
};

/// One GPU. Any thread.
class Card {
 public:
  virtual ~Card() = default;
  virtual std::string name() const = 0;  ///< "NVIDIA H100 80GB HBM3"
  virtual int index() const = 0;         ///< as CUDA counts
  virtual std::uint64_t free_bytes() const = 0;
  /// Throws Error(too_large).
  virtual CardMemory allocate(std::size_t bytes) = 0;
  /// Chooses how to compute it, once. Throws Error(unsupported) where there is no way.
  virtual std::size_t workspace_bytes(const Convolution& convolution) = 0;
  virtual std::unique_ptr<Queue> make_queue() = 0;
};

/// The cards of this machine, in CUDA's order; empty where there is none or no driver. Throws Error(unsupported) with
/// the reason where this program was built without CUDA, or cuDNN is missing.
std::vector<std::shared_ptr<Card>> open_cards();

}  // namespace sagittal::nn::cuda
