#pragma once
#include <vector>

#include "nn/cpu/conv/convolution.h"

namespace sagittal::nn::cpu::conv {

/// What is asked of one convolution; groups of each input as in Activation.
struct Problem {
  std::vector<std::vector<int>> inputs;
  int outputs;
  SpatialSize size, kernel{3, 3, 3}, stride{1, 1, 1};
  bool normalised = false;
  float slope = 1;
  bool bias = false;
  int upsampled_to = 0;  ///< channels, of the first input, where it is upsampled by `up` on the way
  SpatialSize up{1, 1, 1};
};

/// Of every kind that networks have.
const std::vector<Problem>& problems();

/// Computes a problem of noise; gives the largest error against double precision, in units of the answer's rms, of its
/// values and of its statistics.
template <class T>
double error_of(const Problem& problem, const Kernels<T>& kernels, Algorithm algorithm, int threads);

/// Expects errors up to the bound for each layer, of all problems that the algorithm fits.
template <class T>
void check(const Kernels<T>& kernels, Algorithm algorithm, double bound);

// Bounds of one layer's error in units of the result's rms: rounding of floats, of Winograd's sums, and of bf16
// results.
inline constexpr double kFloat = 2e-5, kWinograd = 5e-5, kBf16 = 2e-2;

}  // namespace sagittal::nn::cpu::conv
