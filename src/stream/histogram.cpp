#include "stream/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sagittal::stream {

// Values below kSub have a bin each; above, the highest bit names the group and the kSubBits below it the bin in it.
int Histogram::bin_of(std::uint64_t value) {
  if (value < kSub) return static_cast<int>(value);
  const int shift = static_cast<int>(std::bit_width(value)) - 1 - kSubBits;
  const int bin = (shift + 1) * kSub + static_cast<int>((value >> shift) - kSub);
  return std::min(bin, kBins - 1);
}

std::int64_t Histogram::middle_of(int bin) {
  if (bin < kSub) return bin;
  const int shift = bin / kSub - 1;
  const std::int64_t low = std::int64_t{kSub + bin % kSub} << shift;
  return low + (std::int64_t{1} << shift) / 2;
}

void Histogram::add(std::int64_t duration_ns) {
  const std::int64_t value = std::max<std::int64_t>(duration_ns, 0);
  ++bins_[static_cast<std::size_t>(bin_of(static_cast<std::uint64_t>(value)))];
  ++count_;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) bins_[bin] += other.bins_[bin];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

std::int64_t Histogram::percentile_ns(double percent) const {
  if (count_ == 0) return 0;
  const double share = std::clamp(percent, 0.0, 100.0) / 100;
  const auto rank =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) {
    seen += bins_[bin];
    if (seen >= rank) return std::clamp(middle_of(static_cast<int>(bin)), min_, max_);
  }
  return max_;
}

}  // namespace sagittal::stream
