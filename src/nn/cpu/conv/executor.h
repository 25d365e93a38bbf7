#pragma once
#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "nn/cpu/conv/convolution.h"
#include "nn/cpu/conv/upsampled_rows.h"
#include "nn/cpu/parallel.h"

namespace sagittal::nn::cpu::conv {

/// Bytes that each thread needs for an input that is upsampled on the way.
template <class T>
std::size_t upsampling_bytes(const Recipe<T>& recipe, const Partition& partition);

/// What the algorithms share: packing rows of the input, storing what panels computed, and its statistics.
template <class T>
class Executor : public Step {
 public:
  Executor(const Recipe<T>& recipe, Partition partition, std::size_t work_bytes, std::shared_ptr<const Buffer> weights,
           std::vector<float> bias, TensorId work, TensorId sums);

  void run(const RunContext& context) const final;

 protected:
  /// A run's inputs and output.
  struct Maps {
    std::vector<Source<T>> in;
    UpsampledRows<T>* upsampled;  // of the input that is, in this slab
    T* out;
    double* sums;  // of this slab's space; may be null
  };

  virtual void compute(const Maps& maps, const Slab& slab, std::byte* work) const = 0;

  /// Input voxels (z, y, first + i * step) for i in [0, count) to lines; those outside of the input become zero.
  void pack_row(const Maps& maps, const Block& block, std::int64_t z, std::int64_t y, std::int64_t first,
                std::int64_t step, std::int64_t count, std::byte* lines) const;
  /// The same of a row at `voxels` where lines hold several columns, from `first` on.
  void pack_columns(const T* voxels, const Block& block, std::int64_t first, std::int64_t count,
                    std::byte* lines) const;

  /// Sums of one panel's outputs while one plane of a slab is stored.
  struct Sums {
    std::array<float, kPanelOutputs> origin{};
    std::array<float, 2 * kPanelOutputs> values{};
    /// The first voxel of a slab's product gives the origin.
    void begin(const float* product, const float* bias, float slope);
  };
  /// Moves what `sums` holds of `count` voxels to out [2][stored channels], which may be null.
  void add(Sums& sums, std::int64_t count, int group, double* out) const;

  /// Where products of one plane of a slab go; positions are rows of `pitch`.
  StoreArguments<T> store_arguments(const Maps& maps, const Slab& slab, std::int64_t plane, int group,
                                    std::int64_t pitch, Sums& sums) const;

  /// Steps of the last block that hold channels.
  int last_steps() const { return blocks_.back().channels * kSteps / kernels_.block_channels; }
  int stored_outputs(int group) const {
    return std::min(static_cast<int>(kPanelOutputs), shape_.out.stored_channels() - group * kGroup);
  }

  const Kernels<T>& kernels_;
  Shape shape_;
  std::vector<Block> blocks_;
  std::shared_ptr<const Buffer> weights_;

 private:
  /// What a slab reads of the input that is upsampled on the way, where there is one.
  std::optional<UpsampledRows<T>> upsampled_rows(const Maps& maps, const Slab& slab, std::byte* work) const;

  Partition partition_;
  std::size_t method_bytes_, work_bytes_;
  std::vector<float> bias_;  // of whole panels
  TensorId work_, sums_;
};

/// How an algorithm splits the work, and its step; see convolution.h.
template <class T>
struct Method {
  Partition (*partition)(const Recipe<T>&);
  std::size_t (*work_bytes)(const Recipe<T>&);
  std::unique_ptr<const Step> (*make)(const Recipe<T>&, std::shared_ptr<const Buffer> weights, std::vector<float> bias,
                                      TensorId work, TensorId sums);
};
template <class T>
const Method<T>& direct_method();
template <class T>
const Method<T>& winograd_method();

/// The method of `Algorithm`, an Executor<T>.
template <class Algorithm, class T>
constexpr Method<T> method_of() {
  return {&Algorithm::partition, &Algorithm::work_bytes,
          [](const Recipe<T>& recipe, std::shared_ptr<const Buffer> weights, std::vector<float> bias, TensorId work,
             TensorId sums) -> std::unique_ptr<const Step> {
            return std::make_unique<Algorithm>(recipe, std::move(weights), std::move(bias), work, sums);
          }};
}

}  // namespace sagittal::nn::cpu::conv
