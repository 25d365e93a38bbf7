#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace sagittal::nn {

/// Memory for the tensors of a sequence of steps: those whose lives do not overlap may share it.
class MemoryPlan {
 public:
  /// The tensor's number, counted from 0. Sizes are rounded up to `kAlignment`.
  std::size_t add(std::size_t bytes);
  /// A tensor lives from the first to the last step that uses it.
  void use(std::size_t tensor, int step);
  /// Finds the offsets, largest tensor first, each at the lowest place that is free during its life; once.
  void place();

  /// Of each tensor, once placed.
  std::span<const std::size_t> offsets() const { return offsets_; }
  std::size_t total_bytes() const { return total_bytes_; }

  static constexpr std::size_t kAlignment = 64;

 private:
  struct Tensor {
    std::size_t bytes = 0;
    int first = -1, last = -1;  // steps
  };
  std::vector<Tensor> tensors_;
  std::vector<std::size_t> offsets_;
  std::size_t total_bytes_ = 0;
};

}  // namespace sagittal::nn
