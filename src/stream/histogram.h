#pragma once
#include <array>
#include <cstdint>

namespace sagittal::stream {

/// Durations in nanoseconds, counted in bins of 1/32 of their power of two: percentiles are right to about 3 %, the
/// extremes and the mean exactly. 9 KiB, no allocation. One thread at a time.
class Histogram {
 public:
  /// Negative durations count as 0.
  void add(std::int64_t duration_ns);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  std::int64_t min_ns() const { return count_ == 0 ? 0 : min_; }
  std::int64_t max_ns() const { return max_; }
  double mean_ns() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  /// The duration that `percent` of all do not exceed; 0 where none was added. `percent` in [0, 100].
  std::int64_t percentile_ns(double percent) const;

 private:
  static constexpr int kSubBits = 5, kSub = 1 << kSubBits;
  static constexpr int kBins = kSub * 36;  // up to 2^40 ns, 18 minutes
  static int bin_of(std::uint64_t value);
  static std::int64_t middle_of(int bin);

  std::array<std::uint64_t, kBins> bins_{};
  std::uint64_t count_ = 0;
  std::int64_t min_ = INT64_MAX, max_ = 0;
  double sum_ = 0;
};

}  // namespace sagittal::stream
