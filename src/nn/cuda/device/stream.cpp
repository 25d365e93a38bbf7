#include "nn/cuda/device/stream.h"

#include <fmt/format.h>

namespace sagittal::nn::cuda {

DeviceBytes allocate_device_bytes(std::size_t bytes) {
  void* made = nullptr;
  check(cudaMalloc(&made, bytes), fmt::format("allocating {} bytes on the card", bytes));
  return DeviceBytes(static_cast<std::byte*>(made));
}

PinnedBytes allocate_pinned_bytes(std::size_t bytes) {
  void* made = nullptr;
  check(cudaMallocHost(&made, bytes), fmt::format("allocating {} bytes for copies", bytes));
  return PinnedBytes(static_cast<std::byte*>(made));
}

}  // namespace sagittal::nn::cuda
