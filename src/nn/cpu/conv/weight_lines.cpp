#include "nn/cpu/conv/weight_lines.h"

#include <bit>

#include "nn/cpu/conv/kernels.h"

namespace sagittal::nn::cpu::conv {
namespace {

/// Rounds to nearest, ties to even; weights are finite.
std::uint32_t bf16_bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/// Of three weights in a row or column to six frequencies.
constexpr double kFrequencies[kTileInputs][3] = {{1. / 4, 0, 0},
                                                 {-1. / 6, -1. / 6, -1. / 6},
                                                 {-1. / 6, 1. / 6, -1. / 6},
                                                 {1. / 24, 1. / 12, 1. / 6},
                                                 {1. / 24, -1. / 12, 1. / 6},
                                                 {0, 0, 1}};

}  // namespace

WeightLines::WeightLines(const Shape& shape, int block_channels, int outputs, const std::vector<float>& values)
    : blocks_(blocks_of(shape, block_channels)),
      outputs_(outputs),
      groups_(shape.output_groups()),
      kernel_(shape.kernel),
      taps_(taps_of(shape, block_channels)),
      values_(values) {
  for (const Input& input : shape.inputs) {
    std::vector<int>& stored = channels_.emplace_back();
    for (const int group : input.groups()) {
      for (int c = 0; c < padded(group); ++c) stored.push_back(c < group ? inputs_ + c : -1);
      inputs_ += group;
    }
  }
}

float WeightLines::value(int output, const Block& block, int channel, std::int64_t tap) const {
  if (output >= outputs_ || channel >= block.channels) return 0;
  const int of_column = block.channels / block.columns;
  const int input = channels_[block.input][static_cast<std::size_t>(block.first + channel % of_column)];
  if (input < 0) return 0;
  const std::int64_t voxel = tap * block.columns + channel / of_column;
  return values_[static_cast<std::size_t>((std::int64_t{output} * inputs_ + input) * voxels_of(kernel_) + voxel)];
}

template <class Word, class Make>
Buffer WeightLines::fill(const Make& make) const {
  const std::int64_t taps = voxels_of(taps_);
  Buffer out(static_cast<std::size_t>(groups_ * taps) * blocks_.size() * kSteps * kGroup * sizeof(Word));
  Word* words = out.as<Word>().data();
  for (int group = 0; group < groups_; ++group) {
    for (const Block& block : blocks_) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        for (int step = 0; step < kSteps; ++step) {
          for (int i = 0; i < kGroup; ++i) *words++ = make(group * kGroup + i, block, step, tap);
        }
      }
    }
  }
  return out;
}

Buffer WeightLines::floats() const {
  return fill<float>(
      [this](int output, const Block& block, int step, std::int64_t tap) { return value(output, block, step, tap); });
}

Buffer WeightLines::pairs() const {
  return fill<std::uint32_t>([this](int output, const Block& block, int step, std::int64_t tap) {
    return bf16_bits(value(output, block, 2 * step, tap)) | bf16_bits(value(output, block, 2 * step + 1, tap)) << 16;
  });
}

Buffer WeightLines::frequencies() const {
  const std::int64_t depth = kernel_[0];
  const std::int64_t group_words = static_cast<std::int64_t>(blocks_.size()) * depth * kSteps * kGroup;
  const std::int64_t frequency_words = groups_ * group_words;
  Buffer out(static_cast<std::size_t>(kTileFrequencies * frequency_words) * sizeof(float));
  float* words = out.as<float>().data();
  for (int output = 0; output < groups_ * kGroup; ++output) {
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
      for (std::int64_t line = 0; line < depth * kSteps; ++line) {
        const auto values = frequencies_of(output, blocks_[b], static_cast<int>(line % kSteps), line / kSteps);
        float* word = words + output / kGroup * group_words +
                      (static_cast<std::int64_t>(b) * depth * kSteps + line) * kGroup + output % kGroup;
        for (std::size_t f = 0; f < values.size(); ++f)
          word[static_cast<std::int64_t>(f) * frequency_words] = values[f];
      }
    }
  }
  return out;
}

std::array<float, kTileFrequencies> WeightLines::frequencies_of(int output, const Block& block, int channel,
                                                                std::int64_t z) const {
  double rows[kTileInputs][3];  // the frequencies of each column
  for (std::int64_t x = 0; x < 3; ++x) {
    double column[3];
    for (std::int64_t y = 0; y < 3; ++y)
      column[y] = static_cast<double>(value(output, block, channel, 9 * z + 3 * y + x));
    for (int f = 0; f < kTileInputs; ++f) {
      rows[f][x] = kFrequencies[f][0] * column[0] + kFrequencies[f][1] * column[1] + kFrequencies[f][2] * column[2];
    }
  }
  std::array<float, kTileFrequencies> values{};
  for (int f = 0; f < kTileFrequencies; ++f) {
    const double* row = rows[f / kTileInputs];
    const double* weights = kFrequencies[f % kTileInputs];
    values[static_cast<std::size_t>(f)] =
        static_cast<float>(weights[0] * row[0] + weights[1] * row[1] + weights[2] * row[2]);
  }
  return values;
}

}  // namespace sagittal::nn::cpu::conv
