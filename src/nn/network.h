#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"

namespace sagittal::nn {

/// Sizes of the spatial axes d, h, w; d is 1 for 2D networks.
using SpatialSize = std::array<std::int64_t, 3>;

struct NetworkUse {
  double seconds = 0;            ///< as the callers waited
  double processor_seconds = 0;  ///< of all threads that computed
};

/// One step of a run: of which layer, what is done in which way, its cost as the layer is defined, and the time it
/// took.
struct StepTime {
  std::string layer, work;
  double multiply_adds = 0;
  double seconds = 0;
};

/// What a run takes beside its input and its logits, in bytes.
struct NetworkMemory {
  std::size_t maps = 0;     ///< feature maps and scratch of each run, one arena
  std::size_t weights = 0;  ///< as they are prepared for runs of that size; shared by all
};

/// A segmentation network ready to run: immutable, its weights shared by all runs. Any number of threads may call `run`
/// at once; each concurrent run borrows a workspace of its own, which the network keeps for the next run of that size.
class Network {
 public:
  virtual ~Network() = default;

  virtual int input_channels() const = 0;
  virtual int output_channels() const = 0;

  /// input [c, d, h, w] and logits [classes, d, h, w], both C-ordered; every size must be a multiple of the product of
  /// the network's strides on that axis, else Error(bad_input). The logits may lie anywhere in the memory of the input,
  /// which is then spoiled: the first layers alone read it, the last writes them. Between layers it reports how far it
  /// is, with an empty stage, and throws Error(cancelled) when asked to stop.
  virtual void run(const SpatialSize& size, std::span<const float> input, std::span<float> logits,
                   const RunControl& control) const = 0;

  /// `run`, and what each step of it took; empty where a network cannot tell.
  virtual std::vector<StepTime> run_timed(const SpatialSize& size, std::span<const float> input,
                                          std::span<float> logits) const {
    run(size, input, logits, {});
    return {};
  }

  /// What a run of that size takes, found out without preparing it; zeros where a network cannot tell. The first time
  /// on a machine, kernels are measured for it. Throws Error(bad_input) as `run` does.
  virtual NetworkMemory memory([[maybe_unused]] const SpatialSize& size) const { return {}; }

  /// What all runs so far took. Any thread.
  virtual NetworkUse use() const { return {}; }

  /// What runs underneath, for people: "oneDNN 2.6.3, bf16, AMX, 2 threads".
  virtual std::string description() const = 0;

  /// What computes, for programs: "cpu" or "cuda".
  virtual std::string device() const = 0;
};

}  // namespace sagittal::nn
