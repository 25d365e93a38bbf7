// Included once per instruction set, after pointwise_template.h; in an unnamed namespace like that.
#pragma once
#include "nn/cpu/pointwise_template.h"

namespace sagittal::nn::cpu {
namespace {

/// One octet as floats in memory: itself, or a copy in `buffer`.
const float* widened(const float* x, float*) { return x; }
template <class T>
const float* widened(const T* x, float* buffer) {
  Octet::load(x).store(buffer);
  return buffer;
}

/// `out` plus weights[c][o] * x[i / repeat][c] over the eight channels c, for each voxel i. By value: the results stay
/// in registers.
template <int count, int repeat, class T>
inline Results multiply_add(const T* x, std::int64_t pitch, const float* weights, std::int64_t weights_per_place,
                            std::int64_t outputs, Results out) {
  constexpr int sources = count / repeat;
  float buffer[sources][kOctet];
  const float* row[sources];
  for (int i = 0; i < sources; ++i) row[i] = widened(x + i * pitch, buffer[i]);
  for (int c = 0; c < kOctet; ++c) {
    Octet factor[repeat];
    for (int r = 0; r < repeat; ++r) factor[r] = Octet::load(weights + r * weights_per_place + c * outputs);
    for (int i = 0; i < sources; ++i) {
      const Octet value = Octet::fill(row[i][c]);
      for (int r = 0; r < repeat; ++r) out.voxel[i * repeat + r] = fma(value, factor[r], out.voxel[i * repeat + r]);
    }
  }
  return out;
}

template <int count, int stride, class T>
inline Results joint_block(const JointRow<T>& a, std::int64_t w, int o) {
  Results y;
  const std::int64_t outputs = a.skip_channels, low = a.low_channels;
  for (int i = 0; i < count; ++i) y.voxel[i] = Octet::fill(0);
  for (std::int64_t c = 0; c < low; c += kOctet) {
    y = multiply_add<count, stride>(a.low + w / stride * low + c, low, a.up_weights + c * outputs + o, low * outputs,
                                    outputs, y);
  }
  for (std::int64_t c = 0; c < outputs; c += kOctet) {
    y = multiply_add<count, 1>(a.skip + w * outputs + c, outputs, a.skip_weights + c * outputs + o, 0, outputs, y);
  }
  return y;
}

template <int stride, class T, class Body>
inline void for_joint(const JointRow<T>& a, int o, Body&& body) {
  const std::int64_t width = a.width * stride;
  std::int64_t w = 0;
  for (; w + kVoxels <= width; w += kVoxels) body(joint_block<kVoxels, stride>(a, w, o), w, kVoxels);
  for (; w < width; w += stride) body(joint_block<stride, stride>(a, w, o), w, stride);
}

template <int stride, class T>
void joint_statistics_of(const JointRow<T>& a, const float* origin, double* sums) {
  for (int o = 0; o < a.skip_channels; o += kOctet) {
    Moments moments(origin + o);
    int blocks = 0;
    for_joint<stride>(a, o, [&](const Results& y, std::int64_t, int count) {
      for (int i = 0; i < count; ++i) moments.add(y.voxel[i]);
      if (++blocks % kBlocksPerFlush == 0) moments.flush(sums + o, a.skip_channels);
    });
    moments.flush(sums + o, a.skip_channels);
  }
}

template <class T>
void joint_statistics(const JointRow<T>& a, const float* origin, double* sums) {
  a.stride == 1 ? joint_statistics_of<1>(a, origin, sums) : joint_statistics_of<2>(a, origin, sums);
}

/// The share of one octet of channels, `rows` one octet of voxels per channel, in the logits of kVoxels voxels.
inline void add_logits(const RowHead& head, const Octet (&rows)[kOctet], int o, int outputs, float* logits) {
  for (int k = 0; k < head.classes; ++k) {
    const float* weights = head.weights + k * outputs + o;
    float* out = logits + k * head.logit_stride;
    Octet sum = o == 0 ? Octet::fill(head.bias[k]) : Octet::load(out);
    for (int c = 0; c < kOctet; ++c) sum = fma(Octet::fill(weights[c]), rows[c], sum);
    sum.store(out);
  }
}

template <int stride, class T>
void joint_head_of(const JointRow<T>& a, const RowHead& head) {
  const Octet lower = Octet::fill(head.slope);
  RowHead rest = head;  // the row's last voxels, fewer than an octet, go through a buffer
  float buffer[kMaxRowClasses * kVoxels];
  rest.logit_stride = kVoxels;
  for (int o = 0; o < a.skip_channels; o += kOctet) {
    const Octet factor = Octet::load(head.scale + o), offset = Octet::load(head.shift + o);
    for_joint<stride>(a, o, [&](Results y, std::int64_t w, int count) {
      for (int i = 0; i < count; ++i) {
        const Octet z = fma(y.voxel[i], factor, offset);
        y.voxel[i] = max(z, z * lower);
      }
      for (int i = count; i < kVoxels; ++i) y.voxel[i] = Octet::fill(0);
      transpose(y.voxel);
      if (count == kVoxels) {
        add_logits(head, y.voxel, o, a.skip_channels, head.logits + w);
        return;
      }
      for (int k = 0; k < head.classes; ++k) {
        for (int i = 0; i < kVoxels; ++i) {
          buffer[k * kVoxels + i] = o > 0 && i < count ? head.logits[k * head.logit_stride + w + i] : 0.0F;
        }
      }
      add_logits(rest, y.voxel, o, a.skip_channels, buffer);
      for (int k = 0; k < head.classes; ++k) {
        for (int i = 0; i < count; ++i) head.logits[k * head.logit_stride + w + i] = buffer[k * kVoxels + i];
      }
    });
  }
}

template <class T>
void joint_head(const JointRow<T>& a, const RowHead& head) {
  a.stride == 1 ? joint_head_of<1>(a, head) : joint_head_of<2>(a, head);
}

template <class T>
constexpr PointwiseTable<T> make_pointwise_table() {
  return {planes_statistics, planes_normalised<T>, joint_statistics<T>, joint_head<T>};
}

}  // namespace
}  // namespace sagittal::nn::cpu
