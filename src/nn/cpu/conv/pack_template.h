// Included once per instruction set, after Vector. In an unnamed namespace, see kernels_template.h.
#pragma once
#include <cstring>
#include <type_traits>

#include "nn/cpu/conv/kernels.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// Of 8 or 16 channels.
using Wide = std::conditional_t<(Vector::kLanes > Octet::kLanes), Vector, Octet>;

/// kUnits times as many channels of each voxel as V has lanes; P is the type of the packed channels.
template <class V, int kUnits, class P, class T>
void pack_units(const PackArguments<T>& a) {
  constexpr int lanes = V::kLanes;
  constexpr auto packed_bytes = static_cast<std::ptrdiff_t>(sizeof(P)) * lanes * kUnits;
  const V slope = V::fill(a.slope);
  V scale[kUnits], shift[kUnits];
  for (int u = 0; u < kUnits; ++u) {
    scale[u] = a.scale == nullptr ? V::fill(1) : V::load(a.scale + lanes * u);
    shift[u] = a.scale == nullptr ? V::fill(0) : V::load(a.shift + lanes * u);
  }
  const T* voxel = a.voxels;
  std::byte* line = a.lines;
  for (std::int64_t i = 0; i < a.count; ++i, voxel += a.voxel_stride, line += a.line_stride) {
    P* out = reinterpret_cast<P*>(line);
    for (int u = 0; u < kUnits; ++u) {
      if constexpr (std::is_same_v<T, P>) {
        if (a.scale == nullptr) {
          std::memcpy(out + lanes * u, voxel + lanes * u, sizeof(P) * lanes);
          continue;
        }
      }
      V x = V::load(voxel + lanes * u);
      if (a.scale != nullptr) {
        x = fma(x, scale[u], shift[u]);
        x = max(x, x * slope);
      }
      x.store(out + lanes * u);
    }
    if (packed_bytes < kLineBytes) std::memset(line + packed_bytes, 0, kLineBytes - packed_bytes);
  }
}

template <class T, class P>
void pack(const PackArguments<T>& a) {
  switch (a.channels / 8) {
    case 1:
      return pack_units<Octet, 1, P>(a);
    case 2:
      return pack_units<Wide, 16 / Wide::kLanes, P>(a);
    case 3:
      if constexpr (sizeof(P) == 2) return pack_units<Octet, 3, P>(a);
      break;
    default:
      if constexpr (sizeof(P) == 2) return pack_units<Wide, 32 / Wide::kLanes, P>(a);
  }
}

/// The voxels of one run of positions that lie in the same row.
template <class V, int kUnits, class T>
void store_run(const StoreArguments<T>& a, const float* product, T* out, std::int64_t count) {
  constexpr int lanes = V::kLanes;
  V bias[kUnits], origin[kUnits], sum[kUnits], square[kUnits];
  const V slope = V::fill(a.slope);
  for (int u = 0; u < kUnits; ++u) {
    bias[u] = V::load(a.bias + lanes * u);
    origin[u] = V::load(a.origin + lanes * u);
    sum[u] = V::load(a.sums + lanes * u);
    square[u] = V::load(a.sums + kPanelOutputs + lanes * u);
  }
  for (std::int64_t i = 0; i < count; ++i, product += kPanelOutputs, out += a.voxel_stride) {
    for (int u = 0; u < kUnits; ++u) {
      const V x = V::load(product + lanes * u) + bias[u];
      const V y = max(x, x * slope);
      y.store(out + lanes * u);
      const V distance = y - origin[u];
      sum[u] = sum[u] + distance;
      square[u] = fma(distance, distance, square[u]);
    }
  }
  for (int u = 0; u < kUnits; ++u) {
    sum[u].store(a.sums + lanes * u);
    square[u].store(a.sums + kPanelOutputs + lanes * u);
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
          store_run<Octet, 1>(a, product, out, count);
          break;
        case 2:
          store_run<Wide, 16 / Wide::kLanes>(a, product, out, count);
          break;
        case 3:
          store_run<Octet, 3>(a, product, out, count);
          break;
        default:
          store_run<Wide, 32 / Wide::kLanes>(a, product, out, count);
      }
    }
    position = row_end;
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu::conv
