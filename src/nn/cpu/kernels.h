#pragma once
#include <cstdint>
#include <string_view>

namespace sagittal::nn::cpu {

/// The upper half of a float; its own type so that it does not mix with integers.
enum class Bf16 : std::uint16_t {};

/// Per-channel values are repeated up to a multiple of this many, so that a vector never straddles the end of a period.
inline constexpr std::int64_t kPatternUnit = 64;

/// out = max(y, slope * y) with y = x * scale + shift [+ residual * residual_scale]. Flat channels-last memory; scale,
/// shift and residual_scale repeat with `pattern`. `residual` may be null; `residual_scale` null means 1. `out` may be
/// `x`.
template <class T>
struct NormaliseArguments {
  const T* x;
  const T* residual;
  T* out;
  std::int64_t count;
  std::int64_t pattern;
  const float* scale;
  const float* shift;
  const float* residual_scale;
  float slope;
};

/// logits[k][v] = bias[k] + sum over c of weights[k][c] * normalised(x[v][c]); the normalisation as above.
template <class T>
struct HeadArguments {
  const T* x;  ///< [voxels, channels]
  std::int64_t voxels;
  int channels;
  int classes;
  const float* scale;    ///< per channel
  const float* shift;    ///< per channel
  const float* weights;  ///< [classes, channels]
  const float* bias;     ///< per class
  float slope;
  float* logits;              ///< of the first class
  std::int64_t logit_stride;  ///< from class to class
};

/// The passes over memory that are not convolutions, for one element type. Single-threaded; the caller splits the work.
template <class T>
struct KernelTable {
  /// sums[i] += x - shift and sums[pattern + i] += (x - shift)^2 over all x at position i of the pattern.
  void (*accumulate)(const T* x, std::int64_t count, std::int64_t pattern, const float* shift, double* sums);
  void (*normalise)(const NormaliseArguments<T>&);
  /// out[c] = factor * sum over `rows` of rows[r][c], c < count.
  void (*average)(const T* const* rows, int row_count, std::int64_t count, float factor, T* out);
  /// out[v][c] = planes[c][v]; channels from `channels` to `padded` become 0.
  void (*interleave)(const float* planes, std::int64_t plane_stride, int channels, int padded, std::int64_t voxels,
                     T* out);
  void (*head)(const HeadArguments<T>&);
};

template <class T>
struct PointwiseTable;

struct Kernels {
  std::string_view name;
  const KernelTable<float>* f32;
  const KernelTable<Bf16>* bf16;  ///< null where the processor has no fast bf16
  const PointwiseTable<float>* pointwise_f32;
  const PointwiseTable<Bf16>* pointwise_bf16;  ///< null with bf16
};

/// The best set for this processor.
const Kernels& select_kernels();

const Kernels& baseline_kernels();
#ifdef SAGITTAL_X86_64
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif
#ifdef SAGITTAL_AARCH64
const Kernels& neon_kernels();
#endif

}  // namespace sagittal::nn::cpu
