#pragma once
#include <cstdint>
#include <vector>

#include "nn/cpu/kernels.h"
#include "nn/cpu/weights.h"

namespace sagittal::nn::cpu {

template <class T>
const KernelTable<T>& table_of(const Kernels& kernels) {
  if constexpr (std::is_same_v<T, float>) {
    return *kernels.f32;
  } else {
    return *kernels.bf16;
  }
}

/// A split of `count` items into ranges of a multiple of `unit`, of about `wanted` items each. It does not depend on
/// the number of threads, so that neither do sums over the ranges.
struct Ranges {
  Ranges(std::int64_t count, std::int64_t wanted, std::int64_t unit);

  std::int64_t items;
  std::int64_t each;
  std::int64_t count;  ///< of ranges; bounded, so that their sums stay small
  std::int64_t begin(std::int64_t range) const { return range * each; }
  std::int64_t size(std::int64_t range) const;
};

/// An instance norm's parameters, per stored channel.
struct NormParameters {
  NormParameters(const WeightStore& weights, const std::string& name, int channels, double epsilon);

  std::vector<float> gamma, beta;
  double epsilon;
  std::size_t channels() const { return gamma.size(); }

  /// From sums[range][2][channels] of differences from `origin` and of their squares, over `voxels` voxels in all.
  void fold(const std::vector<float>& origin, const double* sums, std::int64_t ranges, std::int64_t voxels,
            float* scale, float* shift) const;
};

}  // namespace sagittal::nn::cpu
