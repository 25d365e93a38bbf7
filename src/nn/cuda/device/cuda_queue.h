#pragma once
#include <memory>

#include "nn/cuda/device/cuda_card.h"
#include "nn/cuda/device/staging.h"
#include "nn/cuda/device/stream.h"

namespace sagittal::nn::cuda {

/// One stream of a card, which it keeps open.
class CudaQueue : public Queue {
 public:
  /// The card is selected.
  explicit CudaQueue(std::shared_ptr<CudaCard> card);
  ~CudaQueue() override;

  void upload(std::byte* to, std::span<const std::byte> from) override;
  void download(std::span<std::byte> to, const std::byte* from) override;
  void convolve(const Convolution& convolution, const Half* in, const Half* weights, Half* out,
                std::byte* workspace) override;
  void run(const Kernel& kernel) override;
  void wait() override;
  /// Convolutions and kernels alone can be recorded.
  std::unique_ptr<const Recording> record(const std::function<void()>& enqueue) override;
  void replay(const Recording& recording) override;

 private:
  void select(bool can_be_recorded = true) const;

  const std::shared_ptr<CudaCard> card_;
  Stream stream_;
  Staging staging_;
  bool recording_ = false;
};

}  // namespace sagittal::nn::cuda
