#pragma once
#include <cuda_runtime_api.h>

#include <cstddef>
#include <memory>
#include <type_traits>

#include "nn/cuda/device/status.h"

/// What CUDA hands out, owned; all of the card that the thread has selected.
namespace sagittal::nn::cuda {

template <auto destroy>
struct Release {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};

/// Does not wait for work of other streams.
class Stream {
 public:
  Stream() {
    cudaStream_t made = nullptr;
    check(cudaStreamCreateWithFlags(&made, cudaStreamNonBlocking), "making a queue");
    stream_.reset(made);
  }
  cudaStream_t get() const { return stream_.get(); }

 private:
  std::unique_ptr<std::remove_pointer_t<cudaStream_t>, Release<cudaStreamDestroy>> stream_;
};

class Event {
 public:
  Event() {
    cudaEvent_t made = nullptr;
    check(cudaEventCreate(&made), "making an event");
    event_.reset(made);
  }
  cudaEvent_t get() const { return event_.get(); }

 private:
  std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, Release<cudaEventDestroy>> event_;
};

using DeviceBytes = std::unique_ptr<std::byte, Release<cudaFree>>;
using PinnedBytes = std::unique_ptr<std::byte, Release<cudaFreeHost>>;

/// Throws Error(too_large).
DeviceBytes allocate_device_bytes(std::size_t bytes);
PinnedBytes allocate_pinned_bytes(std::size_t bytes);

}  // namespace sagittal::nn::cuda
