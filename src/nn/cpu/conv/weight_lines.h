#pragma once
#include <array>
#include <vector>

#include "base/buffer.h"
#include "nn/cpu/conv/kernels.h"
#include "nn/cpu/conv/shape.h"

namespace sagittal::nn::cpu::conv {

/// Weights [out, in, kd, kh, kw] in the order in which panels read them.
class WeightLines {
 public:
  /// `values` outlives this.
  WeightLines(const Shape& shape, int block_channels, int outputs, const std::vector<float>& values);

  /// [group][block][tap][step][output], a float each.
  Buffer floats() const;
  /// The same of two neighbouring channels in bf16.
  Buffer pairs() const;
  /// Winograd's: [frequency][group][block][kd][step][output].
  Buffer frequencies() const;

 private:
  /// Of a block's channel, at the first column of a tap; zero where there is none.
  float value(int output, const Block& block, int channel, std::int64_t tap) const;
  /// Of the 3x3 weights at depth z.
  std::array<float, kTileFrequencies> frequencies_of(int output, const Block& block, int channel, std::int64_t z) const;
  template <class Word, class Make>
  Buffer fill(const Make& make) const;

  std::vector<Block> blocks_;
  std::vector<std::vector<int>> channels_;  // of each input: the weights' channel of each stored one, or -1
  int outputs_, inputs_ = 0, groups_;
  SpatialSize kernel_, taps_;
  const std::vector<float>& values_;
};

}  // namespace sagittal::nn::cpu::conv
