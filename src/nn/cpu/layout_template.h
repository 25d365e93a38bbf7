// Included once per instruction set, after kernels_template.h; in an unnamed namespace like that.
#pragma once
#include "nn/cpu/kernels_template.h"

namespace sagittal::nn::cpu {
namespace {

template <class T>
void average(const T* const* rows, int row_count, std::int64_t count, float factor, T* out) {
  const Vector scale = Vector::fill(factor);
  std::int64_t c = 0;
  for (; c + Vector::kLanes <= count; c += Vector::kLanes) {
    Vector sum = Vector::zero();
    for (int r = 0; r < row_count; ++r) sum = sum + Vector::load(rows[r] + c);
    (sum * scale).store(out + c);
  }
  for (; c < count; ++c) {
    float sum = 0;
    for (int r = 0; r < row_count; ++r) sum += value_of(rows[r][c]);
    assign(out[c], sum * factor);
  }
}

template <class T>
void interleave(const float* planes, std::int64_t plane_stride, int channels, int padded, std::int64_t voxels, T* out) {
  constexpr std::int64_t block = 32;
  for (std::int64_t v0 = 0; v0 < voxels; v0 += block) {
    const std::int64_t here = voxels - v0 < block ? voxels - v0 : block;
    for (int c = 0; c < channels; ++c) {
      const float* plane = planes + c * plane_stride + v0;
      T* to = out + v0 * padded + c;
      for (std::int64_t v = 0; v < here; ++v) assign(to[v * padded], plane[v]);
    }
    for (int c = channels; c < padded; ++c) {
      for (std::int64_t v = 0; v < here; ++v) assign(out[(v0 + v) * padded + c], 0);
    }
  }
}

constexpr int kHeadVoxels = 64;
constexpr int kHeadChannels = 64;

/// Adds the share of channels [c0, c0 + n) of one block of voxels to `sums`, [classes, kHeadVoxels].
template <class T>
void head_block(const HeadArguments<T>& a, const T* x, int voxels, int c0, int n, float* logits) {
  float columns[kHeadChannels][kHeadVoxels];
  for (int v = 0; v < voxels; ++v) {
    for (int c = 0; c < n; ++c) {
      float y = value_of(x[v * a.channels + c0 + c]);
      y = y * a.scale[c0 + c] + a.shift[c0 + c];
      y = y > y * a.slope ? y : y * a.slope;
      columns[c][v] = y;
    }
  }
  for (int k = 0; k < a.classes; ++k) {
    float* out = logits + k * a.logit_stride;
    const float* weights = a.weights + k * a.channels + c0;
    float sum[kHeadVoxels];
    for (int v = 0; v < voxels; ++v) sum[v] = c0 == 0 ? a.bias[k] : out[v];
    for (int c = 0; c < n; ++c) {
      for (int v = 0; v < kHeadVoxels; ++v) sum[v] += weights[c] * columns[c][v];
    }
    for (int v = 0; v < voxels; ++v) out[v] = sum[v];
  }
}

template <class T>
void head(const HeadArguments<T>& a) {
  for (std::int64_t v = 0; v < a.voxels; v += kHeadVoxels) {
    const int here = static_cast<int>(a.voxels - v < kHeadVoxels ? a.voxels - v : kHeadVoxels);
    for (int c = 0; c < a.channels; c += kHeadChannels) {
      const int n = a.channels - c < kHeadChannels ? a.channels - c : kHeadChannels;
      head_block(a, a.x + v * a.channels, here, c, n, a.logits + v);
    }
  }
}

template <class T>
constexpr KernelTable<T> make_table() {
  return {accumulate<T>, normalise<T>, average<T>, interleave<T>, head<T>};
}

}  // namespace
}  // namespace sagittal::nn::cpu
