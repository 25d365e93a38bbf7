// Included once per instruction set, after Vector. In an unnamed namespace, see kernels_template.h.
#pragma once
#include "nn/cpu/conv/kernels.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// A step of floats: the voxel's value in all lanes.
struct FloatStep {
  static constexpr int kChannels = 1;
  using Word = Vector;
  static Vector spread(const std::byte* step) { return Vector::fill(*reinterpret_cast<const float*>(step)); }
  static Word load(const std::byte* words) { return Vector::load(reinterpret_cast<const float*>(words)); }
  static Vector multiply_add(Vector x, Word weights, Vector sum) { return fma(x, weights, sum); }
};

/// kRows rows and kGroups groups stay in registers over all blocks, taps and steps.
template <class Step, int kRows, int kGroups>
void panel_tile(const PanelArguments& a, const std::byte* lines, float* out) {
  constexpr int parts = kGroup / Vector::kLanes;  // registers of one group
  constexpr std::ptrdiff_t word_bytes = Vector::kLanes * 4;
  Vector sums[kRows][kGroups * parts];
  for (auto& row : sums) {
    for (Vector& sum : row) sum = Vector::zero();
  }
  const std::byte* weights = a.weights;
  for (int block = 0; block < a.blocks; ++block) {
    const std::byte* start = lines + block * a.block_stride;
    const int steps = block + 1 == a.blocks ? a.last_steps : kSteps;
    for (int tap = 0; tap < a.tap_count; ++tap, weights += (kSteps - steps) * kGroup * 4) {
      const std::byte* line = start + a.taps[tap];
#pragma GCC unroll 2
      for (int step = 0; step < steps; ++step, line += 4, weights += kGroup * 4) {
        typename Step::Word words[kGroups * parts];
#pragma GCC unroll 8
        for (int i = 0; i < kGroups * parts; ++i) {
          words[i] = Step::load(weights + i / parts * a.group_stride + i % parts * word_bytes);
        }
#pragma GCC unroll 16
        for (int row = 0; row < kRows; ++row) {
          const auto x = Step::spread(line + row * kLineBytes);
#pragma GCC unroll 8
          for (int i = 0; i < kGroups * parts; ++i) sums[row][i] = Step::multiply_add(x, words[i], sums[row][i]);
        }
      }
    }
  }
  for (int row = 0; row < kRows; ++row) {
    for (int i = 0; i < kGroups * parts; ++i) sums[row][i].store(out + row * kPanelOutputs + i * Vector::kLanes);
  }
}

template <class Step>
void spin(std::int64_t thousands) {
  constexpr int chains = 10;  // more than the latency of a multiplication with addition, in each of two units
  constexpr std::int64_t operations = chains * Vector::kLanes * static_cast<std::int64_t>(Step::kChannels);
  alignas(kLineBytes) std::byte zeros[kLineBytes]{};
  float lanes[chains][Vector::kLanes]{};
  asm volatile("" : "+m"(zeros), "+m"(lanes));  // or the compiler sees that all chains are one
  Vector sums[chains];
#pragma GCC unroll 10
  for (int i = 0; i < chains; ++i) sums[i] = Vector::load(lanes[i]);
  const auto x = Step::spread(zeros);
  const auto words = Step::load(zeros);
  for (std::int64_t round = 0; round < thousands * 1000 / operations; ++round) {
#pragma GCC unroll 10
    for (int i = 0; i < chains; ++i) sums[i] = Step::multiply_add(x, words, sums[i]);
    asm volatile("");  // neither the loop nor its rounds are folded
  }
#pragma GCC unroll 10
  for (int i = 0; i < chains; ++i) sums[i].store(lanes[i]);
  asm volatile("" : : "m"(lanes));
}

/// Two groups at once where their registers suffice (kTogether), else one after the other.
template <class Step, int kRows, int kTogether>
void panel_rows(const PanelArguments& a, std::int64_t row) {
  const std::byte* lines = a.lines + row * kLineBytes;
  float* out = a.out + row * kPanelOutputs;
  if (kTogether == kPanelGroups && a.groups == kPanelGroups) return panel_tile<Step, kRows, kTogether>(a, lines, out);
  PanelArguments one = a;
  for (int group = 0; group < a.groups; ++group, one.weights += a.group_stride) {
    panel_tile<Step, kRows, 1>(one, lines, out + group * kGroup);
  }
}

/// Tiles of kUnit, 2 kUnit or 3 kUnit rows, as even as can be.
template <class Step, int kUnit, int kTogether>
void panel(const PanelArguments& a) {
  std::int64_t tiles = (a.rows + 3 * kUnit - 1) / (3 * kUnit);
  for (std::int64_t row = 0; row < a.rows; --tiles) {
    const std::int64_t units = ((a.rows - row) / kUnit + tiles - 1) / tiles;
    if (units == 3) {
      panel_rows<Step, 3 * kUnit, kTogether>(a, row);
    } else if (units == 2) {
      panel_rows<Step, 2 * kUnit, kTogether>(a, row);
    } else {
      panel_rows<Step, kUnit, kTogether>(a, row);
    }
    row += units * kUnit;
  }
}

}  // namespace
}  // namespace sagittal::nn::cpu::conv
