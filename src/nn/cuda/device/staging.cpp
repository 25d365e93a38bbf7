#include "nn/cuda/device/staging.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sagittal::nn::cuda {
namespace {

constexpr std::size_t kBlockBytes = 16u << 20;

}  // namespace

Staging::Staging() {
  for (Block& block : blocks_) block.bytes = allocate_pinned_bytes(kBlockBytes);
}

void Staging::empty(Block& block) {
  check(cudaEventSynchronize(block.last_use.get()), "waiting for a copy");
  const auto to = std::exchange(block.belongs_to, {});
  if (!to.empty()) std::memcpy(to.data(), block.bytes.get(), to.size());
}

Staging::Block& Staging::next() {
  Block& block = blocks_[turn_++ % blocks_.size()];
  empty(block);
  return block;
}

void Staging::upload(std::byte* to, std::span<const std::byte> from, cudaStream_t stream) {
  for (std::size_t done = 0; done < from.size(); done += kBlockBytes) {
    const auto part = from.subspan(done, std::min(kBlockBytes, from.size() - done));
    const Block& block = next();
    std::memcpy(block.bytes.get(), part.data(), part.size());
    check(cudaMemcpyAsync(to + done, block.bytes.get(), part.size(), cudaMemcpyHostToDevice, stream), "uploading");
    check(cudaEventRecord(block.last_use.get(), stream), "uploading");
  }
}

void Staging::download(std::span<std::byte> to, const std::byte* from, cudaStream_t stream) {
  for (std::size_t done = 0; done < to.size(); done += kBlockBytes) {
    const auto part = to.subspan(done, std::min(kBlockBytes, to.size() - done));
    Block& block = next();
    check(cudaMemcpyAsync(block.bytes.get(), from + done, part.size(), cudaMemcpyDeviceToHost, stream), "downloading");
    check(cudaEventRecord(block.last_use.get(), stream), "downloading");
    block.belongs_to = part;
  }
}

void Staging::finish() {
  for (Block& block : blocks_) empty(block);
}

}  // namespace sagittal::nn::cuda
