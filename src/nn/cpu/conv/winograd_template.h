// Included once per instruction set, after Vector. In an unnamed namespace, see kernels_template.h.
#pragma once
#include "nn/cpu/conv/kernels.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// Six inputs to six frequencies, in place; `s` is the distance between them.
inline void to_frequencies(Vector* d, int s) {
  const Vector two = Vector::fill(2), four = Vector::fill(4), five = Vector::fill(5);
  const Vector d0 = d[0], d1 = d[s], d2 = d[2 * s], d3 = d[3 * s], d4 = d[4 * s], d5 = d[5 * s];
  const Vector p = d4 - four * d2, q = d3 - four * d1, r = d4 - d2, t = two * (d3 - d1);
  d[0] = fma(four, d0, d4 - five * d2);
  d[s] = p + q;
  d[2 * s] = p - q;
  d[3 * s] = r + t;
  d[4 * s] = r - t;
  d[5 * s] = fma(four, d1, d5 - five * d3);
}

/// Six frequencies to the four outputs, in the places of the first four.
inline void to_outputs(Vector* m, int s) {
  const Vector two = Vector::fill(2), four = Vector::fill(4), eight = Vector::fill(8);
  const Vector a = m[s] + m[2 * s], b = m[s] - m[2 * s], c = m[3 * s] + m[4 * s], d = m[3 * s] - m[4 * s];
  m[0] = m[0] + a + c;
  m[s] = fma(two, d, b);
  m[2 * s] = fma(four, c, a);
  m[3 * s] = fma(eight, d, b + m[5 * s]);
}

void tile_input(const TileInputArguments& a) {
  constexpr std::ptrdiff_t part_bytes = Vector::kLanes * 4;
  for (std::int64_t tile = 0; tile < a.tiles; ++tile) {
    for (std::ptrdiff_t part = 0; part < kLineBytes; part += part_bytes) {
      const std::byte* from = a.lines + tile * kTile * kLineBytes + part;
      Vector d[kTileFrequencies];
      for (int j = 0; j < kTileInputs; ++j) {
        for (int i = 0; i < kTileInputs; ++i) {
          d[j * kTileInputs + i] =
              Vector::load(reinterpret_cast<const float*>(from + j * a.row_stride + i * kLineBytes));
        }
      }
      for (int i = 0; i < kTileInputs; ++i) to_frequencies(d + i, kTileInputs);
      for (int j = 0; j < kTileInputs; ++j) to_frequencies(d + j * kTileInputs, 1);
      std::byte* to = a.out + tile * kLineBytes + part;
      for (int f = 0; f < kTileFrequencies; ++f) d[f].store(reinterpret_cast<float*>(to + f * a.frequency_stride));
    }
  }
}

void tile_output(const TileOutputArguments& a) {
  for (std::int64_t tile = 0; tile < a.tiles; ++tile) {
    for (int part = 0; part < a.groups * kGroup; part += Vector::kLanes) {
      const float* from = a.products + tile * kPanelOutputs + part;
      Vector m[kTileFrequencies];
      for (int f = 0; f < kTileFrequencies; ++f) m[f] = Vector::load(from + f * a.frequency_stride);
      for (int i = 0; i < kTileInputs; ++i) to_outputs(m + i, kTileInputs);
      for (int j = 0; j < kTile; ++j) {
        to_outputs(m + j * kTileInputs, 1);
        float* to = a.out + j * a.row_stride + tile * kTile * kPanelOutputs + part;
        for (int i = 0; i < kTile; ++i) m[j * kTileInputs + i].store(to + i * kPanelOutputs);
      }
    }
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu::conv
