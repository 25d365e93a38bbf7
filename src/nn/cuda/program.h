#pragma once
#include <functional>
#include <vector>

#include "nn/cuda/card.h"
#include "nn/memory_plan.h"

namespace sagittal::nn::cuda {

inline int padded(int channels) { return (channels + kOctet - 1) / kOctet * kOctet; }

/// Where the tensors of a program lie.
class Places {
 public:
  Places(std::byte* arena, std::span<const std::size_t> offsets) : arena_(arena), offsets_(offsets) {}
  template <class T>
  T* at(std::size_t tensor) const {
    return reinterpret_cast<T*>(arena_ + offsets_[tensor]);
  }

 private:
  std::byte* arena_;
  std::span<const std::size_t> offsets_;
};

/// What is asked of a queue for one pass, and where in one arena each tensor lives. Immutable once placed.
class Program {
 public:
  using Step = std::function<void(Queue&, const Places&)>;

  std::size_t add_tensor(std::size_t bytes) { return memory_.add(bytes); }
  /// `tensors` are all those that the step reads or writes.
  void add_step(Step step, std::initializer_list<std::size_t> tensors) {
    for (const std::size_t tensor : tensors) memory_.use(tensor, static_cast<int>(steps_.size()));
    steps_.push_back(std::move(step));
  }
  void place() { memory_.place(); }

  std::size_t arena_bytes() const { return memory_.total_bytes(); }
  Places places(std::byte* arena) const { return {arena, memory_.offsets()}; }
  void enqueue(Queue& queue, std::byte* arena) const {
    const Places at = places(arena);
    for (const Step& step : steps_) step(queue, at);
  }

  std::size_t input = 0, logits = 0;  ///< tensors of floats [c, d, h, w]

 private:
  MemoryPlan memory_;
  std::vector<Step> steps_;
};

}  // namespace sagittal::nn::cuda
