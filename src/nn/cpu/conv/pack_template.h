// Included once per instruction set, after Vector. In an unnamed namespace, see kernels_template.h.
#pragma once
#include <cstring>

#include "nn/cpu/conv/kernels.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// kUnits times 8 channels of each voxel; P is the type of the packed channels.
template <class T, class P, int kUnits>
void pack_units(const PackArguments<T>& a) {
  constexpr int units_per_line = static_cast<int>(kLineBytes / (8 * sizeof(P)));
  const Octet slope = Octet::fill(a.slope);
  Octet scale[kUnits], shift[kUnits];
  for (int u = 0; u < kUnits; ++u) {
    scale[u] = a.scale == nullptr ? Octet::fill(1) : Octet::load(a.scale + 8 * u);
    shift[u] = a.scale == nullptr ? Octet::fill(0) : Octet::load(a.shift + 8 * u);
  }
  const T* voxel = a.voxels;
  std::byte* line = a.lines;
  for (std::int64_t i = 0; i < a.count; ++i, voxel += a.voxel_stride, line += a.line_stride) {
    P* out = reinterpret_cast<P*>(line);
    for (int u = 0; u < kUnits; ++u) {
      Octet x = Octet::load(voxel + 8 * u);
      if (a.scale != nullptr) {
        x = fma(x, scale[u], shift[u]);
        x = max(x, x * slope);
      }
      x.store(out + 8 * u);
    }
    if (kUnits < units_per_line) std::memset(out + 8 * kUnits, 0, sizeof(P) * 8 * (units_per_line - kUnits));
  }
}

template <class T, class P>
void pack(const PackArguments<T>& a) {
  switch (a.channels / 8) {
    case 1:
      return pack_units<T, P, 1>(a);
    case 2:
      return pack_units<T, P, 2>(a);
    case 3:
      if constexpr (sizeof(P) == 2) return pack_units<T, P, 3>(a);
      break;
    default:
      if constexpr (sizeof(P) == 2) return pack_units<T, P, 4>(a);
  }
}

/// The voxels of one run of positions that lie in the same row.
template <class T, int kUnits>
void store_run(const StoreArguments<T>& a, const float* product, T* out, std::int64_t count) {
  Octet bias[kUnits], origin[kUnits], sum[kUnits], square[kUnits];
  const Octet slope = Octet::fill(a.slope);
  for (int u = 0; u < kUnits; ++u) {
    bias[u] = Octet::load(a.bias + 8 * u);
    origin[u] = Octet::load(a.origin + 8 * u);
    sum[u] = Octet::load(a.sums + 8 * u);
    square[u] = Octet::load(a.sums + kPanelOutputs + 8 * u);
  }
  for (std::int64_t i = 0; i < count; ++i, product += kPanelOutputs, out += a.voxel_stride) {
    for (int u = 0; u < kUnits; ++u) {
      const Octet x = Octet::load(product + 8 * u) + bias[u];
      const Octet y = max(x, x * slope);
      y.store(out + 8 * u);
      const Octet distance = y - origin[u];
      sum[u] = sum[u] + distance;
      square[u] = fma(distance, distance, square[u]);
    }
  }
  for (int u = 0; u < kUnits; ++u) {
    sum[u].store(a.sums + 8 * u);
    square[u].store(a.sums + kPanelOutputs + 8 * u);
  }
}

template <class T>
void store(const StoreArguments<T>& a) {
  std::int64_t position = a.first;
  const std::int64_t end = a.first + a.count;
  while (position < end) {
    const std::int64_t row = position / a.pitch, column = position % a.pitch;
    const std::int64_t row_end = (row + 1) * a.pitch;
    const std::int64_t count = (end < row_end - (a.pitch - a.width) ? end : row_end - (a.pitch - a.width)) - position;
    if (count > 0) {
      const float* product = a.product + (position - a.first) * kPanelOutputs;
      T* out = a.out + row * a.row_stride + column * a.voxel_stride;
      switch (a.channels / 8) {
        case 1:
          store_run<T, 1>(a, product, out, count);
          break;
        case 2:
          store_run<T, 2>(a, product, out, count);
          break;
        case 3:
          store_run<T, 3>(a, product, out, count);
          break;
        default:
          store_run<T, 4>(a, product, out, count);
      }
    }
    position = row_end;
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu::conv
