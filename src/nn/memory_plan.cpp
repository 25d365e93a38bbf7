#include "nn/memory_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace sagittal::nn {

std::size_t MemoryPlan::add(std::size_t bytes) {
  tensors_.push_back({(bytes + kAlignment - 1) / kAlignment * kAlignment});
  return tensors_.size() - 1;
}

void MemoryPlan::use(std::size_t tensor, int step) {
  Tensor& used = tensors_[tensor];
  if (used.first < 0) used.first = step;
  used.last = step;
}

void MemoryPlan::place() {
  std::vector<std::size_t> order(tensors_.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return tensors_[a].bytes > tensors_[b].bytes; });
  offsets_.assign(tensors_.size(), 0);
  std::vector<std::size_t> placed;
  for (const std::size_t current : order) {
    std::vector<std::pair<std::size_t, std::size_t>> taken;
    for (const std::size_t other : placed) {
      const bool apart =
          tensors_[other].last < tensors_[current].first || tensors_[current].last < tensors_[other].first;
      if (!apart) taken.emplace_back(offsets_[other], offsets_[other] + tensors_[other].bytes);
    }
    std::sort(taken.begin(), taken.end());
    std::size_t offset = 0;
    for (const auto& [begin, end] : taken) {
      if (offset + tensors_[current].bytes <= begin) break;
      offset = std::max(offset, end);
    }
    offsets_[current] = offset;
    total_bytes_ = std::max(total_bytes_, offset + tensors_[current].bytes);
    placed.push_back(current);
  }
}

}  // namespace sagittal::nn
