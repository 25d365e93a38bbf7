#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "nn/cuda/card.h"
#include "nn/cuda/device/plan.h"

namespace sagittal::nn::cuda {

class CudaCard : public Card, public std::enable_shared_from_this<CudaCard> {
 public:
  /// Throws Error(internal) with CUDA's or cuDNN's text where the card cannot be used.
  CudaCard(int index, std::string name);

  std::string name() const override { return name_; }
  int index() const override { return index_; }
  std::uint64_t free_bytes() const override;
  CardMemory allocate(std::size_t bytes) override;
  std::size_t workspace_bytes(const Convolution& convolution) override;
  std::unique_ptr<Queue> make_queue() override;

  /// Enqueues a convolution that `workspace_bytes` was asked for; else Error(internal).
  void convolve(cudaStream_t stream, const Convolution& convolution, const Half* in, const Half* weights, Half* out,
                std::byte* workspace);

 private:
  const int index_;
  const std::string name_;
  std::mutex lock_;  ///< of what follows: a handle serves one thread at a time
  CudnnHandle handle_{nullptr, nullptr};
  std::map<Convolution, ConvolutionPlan> plans_;
};

}  // namespace sagittal::nn::cuda
