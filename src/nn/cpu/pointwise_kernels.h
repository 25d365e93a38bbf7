#pragma once
#include <cstdint>

#include "nn/cpu/kernels.h"

namespace sagittal::nn::cpu {

/// Channels come in octets: eight that stand side by side in memory.
inline constexpr int kOctet = 8;

/// A pointwise convolution of the run's input planes: out[v][o] = sum over c of weights[c][o] * planes[c][v].
struct PlanesPointwise {
  const float* planes;  ///< of the first voxel asked for
  std::int64_t plane_stride;
  int inputs;
  int outputs;           ///< stored channels, whole octets
  const float* weights;  ///< [inputs, outputs]
};

/// One row of the decoder's last joint: a transposed convolution of `low` and a pointwise convolution of (its result,
/// skip), composed into out[w][o] = sum over c of up_weights[w % stride][c][o] * low[w / stride][c]
///                              + sum over c of skip_weights[c][o] * skip[w][c].
template <class T>
struct JointRow {
  const T* low;               ///< [width, low_channels]
  const T* skip;              ///< [width * stride, skip_channels]
  std::int64_t width;         ///< of the low-resolution row
  int stride;                 ///< 1 or 2
  int low_channels;           ///< stored
  int skip_channels;          ///< stored; also the number of outputs
  const float* up_weights;    ///< [stride, low_channels, outputs]; those of this row's place in the window
  const float* skip_weights;  ///< [skip_channels, outputs]
};

/// What follows such a convolution: instance norm, leaky ReLU and the 1x1x1 head, to logits[k][w].
struct RowHead {
  const float* scale;    ///< per output
  const float* shift;    ///< per output
  const float* weights;  ///< [classes, outputs]
  const float* bias;     ///< per class
  int classes;           ///< at most kMaxRowClasses
  float slope;
  float* logits;
  std::int64_t logit_stride;
};
inline constexpr int kMaxRowClasses = 8;

/// Memory-bound layers at full resolution, computed twice rather than written out: once for the statistics of the norm
/// that follows, once for the result. Single-threaded.
template <class T>
struct PointwiseTable {
  /// sums[o] += y - origin[o] and sums[outputs + o] += (y - origin[o])^2 over the results y of `voxels` voxels.
  void (*planes_statistics)(const PlanesPointwise&, std::int64_t voxels, const float* origin, double* sums);
  /// out[v][o] = leaky ReLU of y * scale[o] + shift[o].
  void (*planes_normalised)(const PlanesPointwise&, std::int64_t voxels, const float* scale, const float* shift,
                            float slope, T* out);
  void (*joint_statistics)(const JointRow<T>&, const float* origin, double* sums);
  void (*joint_head)(const JointRow<T>&, const RowHead&);
};

}  // namespace sagittal::nn::cpu
