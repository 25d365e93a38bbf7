#include "segment/normalise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::segment {
namespace {

constexpr std::int64_t kPart = 1 << 16;
constexpr float kSmallest = 1e-8f;  // of a divisor

std::int64_t parts_of(std::span<const float> voxels) {
  return (static_cast<std::int64_t>(voxels.size()) + kPart - 1) / kPart;
}

/// Calls `body(part, begin, end)` on fixed parts of all voxels.
template <class Body>
void for_parts(std::span<const float> voxels, ThreadPool& pool, Body&& body) {
  const auto count = static_cast<std::int64_t>(voxels.size());
  pool.parallel_for(parts_of(voxels), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t part = begin; part < end; ++part) {
      body(static_cast<std::size_t>(part), static_cast<std::size_t>(part * kPart),
           static_cast<std::size_t>(std::min(count, (part + 1) * kPart)));
    }
  });
}

/// Sum and number of `term(value)` over the voxels that count.
struct Sum {
  double sum = 0;
  std::int64_t count = 0;
};
template <class Term>
Sum add_up(std::span<const float> voxels, std::span<const std::uint8_t> mask, ThreadPool& pool, Term&& term) {
  std::vector<Sum> sums(static_cast<std::size_t>(parts_of(voxels)));
  for_parts(voxels, pool, [&](std::size_t part, std::size_t begin, std::size_t end) {
    Sum mine;
    for (std::size_t i = begin; i < end; ++i) {
      if (!mask.empty() && mask[i] == 0) continue;
      mine.sum += term(static_cast<double>(voxels[i]));
      ++mine.count;
    }
    sums[part] = mine;
  });
  Sum total;
  for (const Sum& one : sums) {
    total.sum += one.sum;
    total.count += one.count;
  }
  return total;
}

/// (x - shift) / scale, inside the mask only.
void shift_and_scale(std::span<float> voxels, std::span<const std::uint8_t> mask, float shift, float scale,
                     ThreadPool& pool) {
  for_parts(voxels, pool, [&](std::size_t, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      if (mask.empty() || mask[i] != 0) voxels[i] = (voxels[i] - shift) / scale;
    }
  });
}

void clip(std::span<float> voxels, float low, float high, ThreadPool& pool) {
  for_parts(voxels, pool, [&](std::size_t, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) voxels[i] = std::min(std::max(voxels[i], low), high);
  });
}

struct Range {
  float low = std::numeric_limits<float>::infinity();
  float high = -std::numeric_limits<float>::infinity();
};
Range range_of(std::span<const float> voxels, ThreadPool& pool) {
  std::vector<Range> ranges(static_cast<std::size_t>(parts_of(voxels)));
  for_parts(voxels, pool, [&](std::size_t part, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      ranges[part].low = std::min(ranges[part].low, voxels[i]);
      ranges[part].high = std::max(ranges[part].high, voxels[i]);
    }
  });
  Range all;
  for (const Range& one : ranges) all = {std::min(all.low, one.low), std::max(all.high, one.high)};
  return all;
}

struct Moments {
  double mean = 0, deviation = 0;
  std::int64_t count = 0;
};
Moments moments_of(std::span<const float> voxels, std::span<const std::uint8_t> mask, ThreadPool& pool) {
  const Sum values = add_up(voxels, mask, pool, [](double x) { return x; });
  if (values.count == 0) return {};
  const double mean = values.sum / static_cast<double>(values.count);
  const Sum squares = add_up(voxels, mask, pool, [mean](double x) { return (x - mean) * (x - mean); });
  return {mean, std::sqrt(squares.sum / static_cast<double>(squares.count)), values.count};
}

void z_score(std::span<float> voxels, std::span<const std::uint8_t> mask, ThreadPool& pool) {
  const Moments moments = moments_of(voxels, mask, pool);
  if (moments.count == 0) return;  // an image without content stays as it is
  shift_and_scale(voxels, mask, static_cast<float>(moments.mean),
                  std::max(static_cast<float>(moments.deviation), kSmallest), pool);
}

/// Clips to the percentiles; mean and deviation are those of the voxels that lay strictly between them.
void clip_and_z_score(std::span<float> voxels, const nn::IntensityProperties& intensity, ThreadPool& pool) {
  const auto low = static_cast<float>(intensity.percentile_00_5), high = static_cast<float>(intensity.percentile_99_5);
  std::vector<std::uint8_t> between(voxels.size());
  for_parts(voxels, pool, [&](std::size_t, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) between[i] = voxels[i] > low && voxels[i] < high;
  });
  clip(voxels, low, high, pool);
  const Moments moments = moments_of(voxels, between, pool);
  if (moments.count == 0) return;
  shift_and_scale(voxels, {}, static_cast<float>(moments.mean),
                  std::max(static_cast<float>(moments.deviation), kSmallest), pool);
}

}  // namespace

void normalise(std::span<float> voxels, const ChannelPlan& plan, std::span<const std::uint8_t> mask, ThreadPool& pool) {
  const nn::IntensityProperties& intensity = plan.intensity;
  switch (plan.normalisation) {
    case Normalisation::ct:
      clip(voxels, static_cast<float>(intensity.percentile_00_5), static_cast<float>(intensity.percentile_99_5), pool);
      return shift_and_scale(voxels, {}, static_cast<float>(intensity.mean),
                             std::max(static_cast<float>(intensity.std), kSmallest), pool);
    case Normalisation::ct_own:
      return clip_and_z_score(voxels, intensity, pool);
    case Normalisation::z_score:
      return z_score(voxels, plan.masked ? mask : std::span<const std::uint8_t>(), pool);
    case Normalisation::none:
      return;
    case Normalisation::zero_to_one: {
      const Range range = range_of(voxels, pool);
      return shift_and_scale(voxels, {}, range.low, std::max(range.high - range.low, kSmallest), pool);
    }
    case Normalisation::rgb:
      if (const Range range = range_of(voxels, pool); range.low < 0 || range.high > 255) {
        throw Error(ErrorCode::bad_input,
                    fmt::format("colours from {} to {}, expected 0 to 255", range.low, range.high));
      }
      return shift_and_scale(voxels, {}, 0, 255, pool);
  }
}

}  // namespace sagittal::segment
