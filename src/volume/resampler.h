#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace sagittal {

enum class Filter { nearest, bilinear, area };
/// Of these names. Error(bad_input).
Filter filter_from(std::string_view name);

/// Brings pictures [height, width, components] to another size; outer edges stay where they are. Keeps what it computed
/// for the last sizes. One thread.
class Resampler {
 public:
  /// `area` averages all pixels under the new one, and is `bilinear` along an axis that grows. Sizes are positive.
  void prepare(std::int64_t width, std::int64_t height, std::int64_t new_width, std::int64_t new_height, Filter filter);

  /// Calls `sink(row, values)` for each new row from the first, with new width x components values; they are valid
  /// until it returns.
  template <class T, class Sink>
  void rows(const T* from, int components, Sink&& sink);

 private:
  /// Output o of an axis is the sum of weight * source over entries first[o] to first[o + 1] of the lists.
  struct Axis {
    std::int64_t in = 0, out = 0;
    std::vector<std::size_t> first;
    std::vector<std::size_t> source;
    std::vector<float> weight;
    void prepare(std::int64_t in_size, std::int64_t out_size, Filter filter);
  };
  void gather_row(std::size_t components);

  Filter filter_ = Filter::nearest;
  Axis horizontal_, vertical_;
  std::vector<float> sum_, row_;
};

/// Rows are summed first, in the order of memory, then pixels of the sum.
template <class T, class Sink>
void Resampler::rows(const T* from, int components, Sink&& sink) {
  const auto step = static_cast<std::size_t>(components);
  const std::size_t in_row = static_cast<std::size_t>(horizontal_.in) * step;
  sum_.resize(in_row);
  row_.resize(static_cast<std::size_t>(horizontal_.out) * step);
  for (std::size_t j = 0; j < static_cast<std::size_t>(vertical_.out); ++j) {
    for (std::size_t tap = vertical_.first[j]; tap < vertical_.first[j + 1]; ++tap) {
      const T* source = from + vertical_.source[tap] * in_row;
      const float weight = vertical_.weight[tap];
      float* sum = sum_.data();
      if (tap == vertical_.first[j]) {
        for (std::size_t n = 0; n < in_row; ++n) sum[n] = weight * static_cast<float>(source[n]);
      } else {
        for (std::size_t n = 0; n < in_row; ++n) sum[n] += weight * static_cast<float>(source[n]);
      }
    }
    gather_row(step);
    sink(j, std::span<const float>(row_));
  }
}

}  // namespace sagittal
