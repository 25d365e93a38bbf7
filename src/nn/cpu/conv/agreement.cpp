#include "nn/cpu/conv/agreement.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "base/buffer.h"

namespace sagittal::nn::cpu::conv {
namespace {

constexpr int kBlocks = 2, kSpareRows = 8;
constexpr std::ptrdiff_t kBlockStride = (kPanelRows + kSpareRows) * kLineBytes;
constexpr std::array<std::ptrdiff_t, 3> kTaps{kLineBytes, 5 * kLineBytes, 0};
constexpr std::ptrdiff_t kTapBytes = kSteps * kLineBytes;

/// Integers from -8 to 8 in bf16: a panel's sums stay far below 2^24.
void fill_with_integers(Buffer& buffer) {
  std::uint32_t state = 1;
  for (Bf16& x : buffer.as<Bf16>()) {
    state = state * 1664525 + 1013904223;
    const auto integer = static_cast<float>(static_cast<int>((state >> 16) % 17) - 8);
    x = static_cast<Bf16>(std::bit_cast<std::uint32_t>(integer) >> 16);
  }
}

using Product = std::vector<float>;

Product product_of(const Kernels<Bf16>& kernels, PanelArguments panel) {
  Product product(static_cast<std::size_t>(kPanelRows * kPanelOutputs), 0.0F);
  panel.out = product.data();
  kernels.panel(panel);
  return product;
}

}  // namespace

bool agree(const Kernels<Bf16>& one, const Kernels<Bf16>& other) {
  Buffer lines(kBlocks * kBlockStride), weights(kPanelGroups * kBlocks * kTaps.size() * kTapBytes);
  fill_with_integers(lines);
  PanelArguments panel{};
  panel.lines = lines.data();
  panel.taps = kTaps.data();
  panel.tap_count = static_cast<int>(kTaps.size());
  panel.block_stride = kBlockStride;
  panel.weights = weights.data();
  const std::int64_t unit = std::max(one.row_unit, other.row_unit);
  for (const auto& [blocks, last_steps] : {std::pair{1, 4}, std::pair{1, kSteps}, std::pair{2, 12}}) {
    fill_with_integers(weights);
    panel.blocks = blocks;
    panel.last_steps = last_steps;
    panel.group_stride = blocks * panel.tap_count * kTapBytes;
    for (int group = 0; group < kPanelGroups; ++group) {
      std::byte* last = weights.data() + (group + 1) * panel.group_stride - panel.tap_count * kTapBytes;
      for (int tap = 0; tap < panel.tap_count; ++tap) {
        std::memset(last + tap * kTapBytes + last_steps * kLineBytes, 0,
                    static_cast<std::size_t>((kSteps - last_steps) * kLineBytes));
      }
    }
    for (panel.groups = 1; panel.groups <= kPanelGroups; ++panel.groups) {
      for (panel.rows = unit; panel.rows <= kPanelRows; panel.rows += unit) {
        if (product_of(one, panel) != product_of(other, panel)) return false;
      }
    }
  }
  return true;
}

}  // namespace sagittal::nn::cpu::conv
