#include "nn/cuda/device/cuda_card.h"

#include "base/error.h"
#include "nn/cuda/device/cuda_queue.h"
#include "nn/cuda/device/status.h"
#include "nn/cuda/device/stream.h"

namespace sagittal::nn::cuda {

CudaCard::CudaCard(int index, std::string name) : index_(index), name_(std::move(name)) {
  select_card(index_);
  handle_ = make_cudnn_handle();
}

std::uint64_t CudaCard::free_bytes() const {
  select_card(index_);
  std::size_t free = 0, total = 0;
  check(cudaMemGetInfo(&free, &total), "asking for free memory");
  return free;
}

CardMemory CudaCard::allocate(std::size_t bytes) {
  select_card(index_);
  return allocate_device_bytes(bytes);
}

std::size_t CudaCard::workspace_bytes(const Convolution& convolution) {
  select_card(index_);
  const std::lock_guard guard(lock_);
  auto plan = plans_.find(convolution);
  if (plan == plans_.end()) plan = plans_.emplace(convolution, ConvolutionPlan(handle_.get(), convolution)).first;
  return plan->second.workspace_bytes();
}

void CudaCard::convolve(cudaStream_t stream, const Convolution& convolution, const Half* in, const Half* weights,
                        Half* out, std::byte* workspace) {
  const std::lock_guard guard(lock_);
  const auto plan = plans_.find(convolution);
  if (plan == plans_.end()) throw Error(ErrorCode::internal, "a convolution whose workspace was not asked for");
  plan->second.run(handle_.get(), stream, in, weights, out, workspace);
}

std::unique_ptr<Queue> CudaCard::make_queue() {
  select_card(index_);
  return std::make_unique<CudaQueue>(shared_from_this());
}

}  // namespace sagittal::nn::cuda
