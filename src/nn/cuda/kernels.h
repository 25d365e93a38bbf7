#pragma once
#include <cmath>
#include <cstdint>
#include <variant>

#include "nn/cuda/octet.h"

/// What a card does besides convolutions. Each kernel is a function of an index below count(), by which nothing else is
/// written: a card calls it for all at once, a test one after the other. Pointers are into the card's memory. Feature
/// maps are [d, h, w, c]; `pitch` is the distance from one voxel to the next, in channels. Norms are floats: scales of
/// all channels, then shifts.
namespace sagittal::nn::cuda {

using Index = std::int64_t;

struct Extent {
  Index d, h, w;
  SAGITTAL_ANYWHERE Index voxels() const { return d * h * w; }
};

/// The run's input [c, voxel] as a feature map.
struct Import {
  const float* in;
  Half* out;
  Index voxels;
  int channels, octets;

  SAGITTAL_ANYWHERE Index count() const { return voxels * octets; }
  SAGITTAL_ANYWHERE void operator()(Index index) const {
    const Index voxel = index % voxels;
    const int octet = static_cast<int>(index / voxels);
    Octet values;
    for (int n = 0; n < kOctet; ++n) {
      const int channel = octet * kOctet + n;
      values.values[n] = channel < channels ? in[channel * voxels + voxel] : 0.0f;
    }
    store(values, out + (voxel * octets + octet) * kOctet);
  }
};

/// Sums and sums of squares over every `parts`-th voxel: floats [part][2][channels].
struct Sums {
  const Half* in;
  float* out;
  Index voxels, parts;
  int pitch, octets;

  SAGITTAL_ANYWHERE Index count() const { return parts * octets; }
  SAGITTAL_ANYWHERE void operator()(Index index) const {
    const int octet = static_cast<int>(index % octets);
    const Index part = index / octets;
    Octet sum{}, squares{};
    for (Index voxel = part; voxel < voxels; voxel += parts) {
      const Octet x = load(in + voxel * pitch + octet * kOctet);
      for (int n = 0; n < kOctet; ++n) {
        sum.values[n] += x.values[n];
        squares.values[n] += x.values[n] * x.values[n];
      }
    }
    float* to = out + part * 2 * octets * kOctet + octet * kOctet;
    for (int n = 0; n < kOctet; ++n) {
      to[n] = sum.values[n];
      to[octets * kOctet + n] = squares.values[n];
    }
  }
};

/// As many rows of floats [row][column] summed to fewer: each of `parts` is the sum of every `parts`-th one.
struct Merge {
  const float* in;
  float* out;
  Index rows, parts;
  int columns;

  SAGITTAL_ANYWHERE Index count() const { return parts * columns; }
  SAGITTAL_ANYWHERE void operator()(Index index) const {
    double sum = 0;
    for (Index at = index; at < rows * columns; at += parts * columns) sum += in[at];
    out[index] = static_cast<float>(sum);
  }
};

/// Instance norm's scale and shift from `Sums`. `gamma` and `beta` may be null.
struct Fold {
  const float* sums;
  const float *gamma, *beta;
  float* norm;
  Index voxels, parts;
  double epsilon;
  int channels;  ///< a multiple of kOctet

  SAGITTAL_ANYWHERE Index count() const { return channels; }
  SAGITTAL_ANYWHERE void operator()(Index channel) const {
    double sum = 0, squares = 0;
    for (Index part = 0; part < parts; ++part) {
      sum += sums[part * 2 * channels + channel];
      squares += sums[(part * 2 + 1) * channels + channel];
    }
    const double mean = sum / static_cast<double>(voxels);
    const double variance = squares / static_cast<double>(voxels) - mean * mean;
    const double scale = (gamma ? gamma[channel] : 1.0) / sqrt((variance > 0 ? variance : 0) + epsilon);
    norm[channel] = static_cast<float>(scale);
    norm[channels + channel] = static_cast<float>((beta ? beta[channel] : 0.0) - mean * scale);
  }
};

/// Norm, plus the residual, which may have a norm of its own, then leaky ReLU; `out` may be `in`.
struct Normalise {
  const Half* in;
  Half* out;
  const float* norm;
  const Half* residual;        ///< null: none
  const float* residual_norm;  ///< null: as it is
  Index voxels;
  int in_pitch, out_pitch, residual_pitch, octets;
  float slope;

  SAGITTAL_ANYWHERE Index count() const { return voxels * octets; }
  SAGITTAL_ANYWHERE void operator()(Index index) const {
    const Index voxel = index / octets;
    const int first = static_cast<int>(index % octets) * kOctet, channels = octets * kOctet;
    Octet x = load(in + voxel * in_pitch + first);
    for (int n = 0; n < kOctet; ++n) x.values[n] = norm[first + n] * x.values[n] + norm[channels + first + n];
    if (residual != nullptr) {
      const Octet r = load(residual + voxel * residual_pitch + first);
      for (int n = 0; n < kOctet; ++n) {
        x.values[n] += residual_norm == nullptr
                           ? r.values[n]
                           : residual_norm[first + n] * r.values[n] + residual_norm[channels + first + n];
      }
    }
    for (int n = 0; n < kOctet; ++n) {
      if (x.values[n] < 0) x.values[n] *= slope;
    }
    store(x, out + voxel * out_pitch + first);
  }
};

/// Mean over windows, which are also the steps.
struct Pool {
  const Half* in;
  Half* out;
  Extent size, window;  ///< of the result
  int in_pitch, octets;

  SAGITTAL_ANYWHERE Index count() const { return size.voxels() * octets; }
  SAGITTAL_ANYWHERE void operator()(Index index) const {
    const int first = static_cast<int>(index % octets) * kOctet;
    const Index voxel = index / octets;
    const Index x = voxel % size.w * window.w, y = voxel / size.w % size.h * window.h;
    const Index z = voxel / (size.w * size.h) * window.d;
    const Index height = size.h * window.h, width = size.w * window.w;
    Octet sum{};
    for (Index d = 0; d < window.d; ++d) {
      for (Index h = 0; h < window.h; ++h) {
        for (Index w = 0; w < window.w; ++w) {
          const Octet value = load(in + (((z + d) * height + y + h) * width + x + w) * in_pitch + first);
          for (int n = 0; n < kOctet; ++n) sum.values[n] += value.values[n];
        }
      }
    }
    const float share = 1.0f / static_cast<float>(window.voxels());
    for (int n = 0; n < kOctet; ++n) sum.values[n] *= share;
    store(sum, out + (voxel * octets + first / kOctet) * kOctet);
  }
};

/// A transposed convolution whose products [low voxel][tap][channel] are there: each goes to its place.
struct Spread {
  const Half* products;
  const float* bias;  ///< null: none
  Half* out;
  Extent low, stride;
  int out_pitch, octets;

  SAGITTAL_ANYWHERE Index count() const { return low.voxels() * stride.voxels() * octets; }
  SAGITTAL_ANYWHERE void operator()(Index index) const {
    const int first = static_cast<int>(index % octets) * kOctet;
    const Index voxel = index / octets;  // of the result
    const Index width = low.w * stride.w, height = low.h * stride.h;
    const Index x = voxel % width, y = voxel / width % height, z = voxel / (width * height);
    const Index tap = (z % stride.d * stride.h + y % stride.h) * stride.w + x % stride.w;
    const Index from = (z / stride.d * low.h + y / stride.h) * low.w + x / stride.w;
    Octet value = load(products + ((from * stride.voxels() + tap) * octets) * kOctet + first);
    for (int n = 0; n < kOctet; ++n) value.values[n] += bias == nullptr ? 0.0f : bias[first + n];
    store(value, out + voxel * out_pitch + first);
  }
};

/// Norm, leaky ReLU and the 1x1x1 head: logits [class][voxel].
struct Head {
  const Half* in;
  const float* norm;
  const float *weights, *bias;  ///< [class][channel], [class]
  float* out;
  Index voxels;
  int pitch, octets, classes;
  float slope;

  SAGITTAL_ANYWHERE Index count() const { return voxels * classes; }
  SAGITTAL_ANYWHERE void operator()(Index index) const {
    const Index voxel = index % voxels, cls = index / voxels;
    const int channels = octets * kOctet;
    float sum = bias[cls];
    for (int first = 0; first < channels; first += kOctet) {
      const Octet x = load(in + voxel * pitch + first);
      for (int n = 0; n < kOctet; ++n) {
        const float value = norm[first + n] * x.values[n] + norm[channels + first + n];
        sum += weights[cls * channels + first + n] * (value < 0 ? slope * value : value);
      }
    }
    out[index] = sum;
  }
};

using Kernel = std::variant<Import, Sums, Merge, Fold, Normalise, Pool, Spread, Head>;

}  // namespace sagittal::nn::cuda
