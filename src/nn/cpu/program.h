#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "nn/memory_plan.h"

namespace sagittal::nn::cpu {

/// A piece of the arena with a lifetime, not an address: steps whose lives do not overlap may share memory.
enum class TensorId : int { none = -1 };

/// What one run works on.
struct RunContext {
  std::byte* arena;
  const std::size_t* offsets;  // of each tensor
  int threads;
  std::span<const float> input;
  std::span<float> logits;
  std::span<const std::span<const float>> inputs = {};  // of graphs, which may have several
  std::span<const std::span<float>> outputs = {};

  template <class T>
  T* at(TensorId tensor) const {
    return reinterpret_cast<T*>(arena + offsets[static_cast<std::size_t>(tensor)]);
  }
};

/// One operation on tensors, immutable once made: any number of runs may execute it at once.
class Step {
 public:
  virtual ~Step() = default;
  virtual void run(const RunContext& context) const = 0;
};

/// What a step is, for people.
struct StepNote {
  std::string layer;         ///< of the network, by its parameters' name
  std::string work;          ///< "3x3x3 32+32 to 32, Winograd AVX-512", "normalise"
  double multiply_adds = 0;  ///< of the layer as it is defined, however it is computed
};

/// The steps of a network for one input size, and where in one arena each tensor lives.
class Program {
 public:
  TensorId add_tensor(std::size_t bytes);
  /// `tensors` are all those that the step reads or writes.
  void add_step(std::unique_ptr<const Step> step, std::span<const TensorId> tensors, StepNote note = {});
  /// Assigns the offsets; to be called once, after the last step.
  void plan() { memory_.place(); }

  const std::vector<StepNote>& notes() const { return notes_; }
  std::size_t arena_bytes() const { return memory_.total_bytes(); }
  /// `arena` has arena_bytes() bytes. `seconds`, where given, has a place for what each step takes. Reports progress
  /// and throws Error(cancelled) between steps.
  void run(std::byte* arena, int threads, std::span<const float> input, std::span<float> logits,
           const RunControl& control, std::span<double> seconds = {}) const;
  /// A graph's.
  void run(std::byte* arena, int threads, std::span<const std::span<const float>> inputs,
           std::span<const std::span<float>> outputs) const;

 private:
  MemoryPlan memory_;
  std::vector<std::unique_ptr<const Step>> steps_;
  std::vector<StepNote> notes_;
};

}  // namespace sagittal::nn::cpu
