#include "segment/preprocess.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/error.h"
#include "segment/normalise.h"
#include "volume/components.h"
#include "volume/resize.h"

namespace sagittal::segment {
namespace {

constexpr double kSpacingTolerance = 1e-3;

void check_images(std::span<const Volume> channels, const Volume* previous, const Plan& plan) {
  if (channels.size() != plan.channels.size()) {
    throw Error(ErrorCode::bad_input, fmt::format("{} images, but the model takes {}: one file for each channel",
                                                  channels.size(), plan.channels.size()));
  }
  const Geometry& first = channels[0].geometry();
  const auto check = [&](const Geometry& other, const std::string& what) {
    bool same = other.size == first.size;
    for (std::size_t a = 0; same && a < 3; ++a) {
      same = std::abs(other.spacing_mm[a] - first.spacing_mm[a]) <= kSpacingTolerance * first.spacing_mm[a];
    }
    if (same) return;
    throw Error(ErrorCode::bad_input, fmt::format("{} has {} voxels, the first channel {}; expected the same grid",
                                                  what, describe_shape(other.size), describe_shape(first.size)));
  };
  for (std::size_t c = 1; c < channels.size(); ++c) check(channels[c].geometry(), fmt::format("channel {}", c));
  if (previous != nullptr) check(previous->geometry(), "the segmentation of the stage before");
}

/// Calls `body(line, first)` for each line of the grid along its last axis; `first` is where it begins in memory.
template <class Body>
void for_lines(const Grid& grid, ThreadPool& pool, Body&& body) {
  pool.parallel_for(grid.shape[0] * grid.shape[1], 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line)
      body(line, grid.at(line / grid.shape[1], line % grid.shape[1], 0));
  });
}

/// Smallest box around the voxels that are not zero in any channel; everything where there are none.
Box find_content(std::span<const Volume> channels, const Grid& grid, ThreadPool& pool) {
  struct Extent {
    std::int64_t lo = std::numeric_limits<std::int64_t>::max(), hi = -1;
  };
  std::vector<Extent> lines(static_cast<std::size_t>(grid.shape[0] * grid.shape[1]));
  for (const Volume& channel : channels) {
    visit_voxels(channel, [&](const auto& voxels) {
      for_lines(grid, pool, [&](std::int64_t line, std::int64_t first) {
        Extent& extent = lines[static_cast<std::size_t>(line)];
        const auto zero = [&](std::int64_t n) {
          return voxels[static_cast<std::size_t>(first + n * grid.stride[2])] == 0;
        };
        std::int64_t lo = 0, hi = grid.shape[2] - 1;
        while (lo <= hi && zero(lo)) ++lo;
        while (hi >= lo && zero(hi)) --hi;
        if (lo <= hi) extent = {std::min(extent.lo, lo), std::max(extent.hi, hi + 1)};
      });
    });
  }
  std::optional<Box> box;
  for (std::int64_t line = 0; line < grid.shape[0] * grid.shape[1]; ++line) {
    const Extent& extent = lines[static_cast<std::size_t>(line)];
    if (extent.hi < 0) continue;
    const std::int64_t i = line / grid.shape[1], j = line % grid.shape[1];
    const Box mine{{i, j, extent.lo}, {i + 1, j + 1, extent.hi}};
    box = box ? hull(*box, mine) : mine;
  }
  return box.value_or(whole(grid.shape));
}

/// Every voxel of `grid` converted to T.
template <class T>
Array3<T> gather(const Volume& volume, const Grid& grid, ThreadPool& pool) {
  Array3<T> out(grid.shape);
  visit_voxels(volume, [&](const auto& voxels) {
    for_lines(grid, pool, [&](std::int64_t line, std::int64_t first) {
      T* to = out.values().data() + line * grid.shape[2];
      for (std::int64_t n = 0; n < grid.shape[2]; ++n) {
        to[n] = static_cast<T>(voxels[static_cast<std::size_t>(first + n * grid.stride[2])]);
      }
    });
  });
  return out;
}

/// 1 where any channel has content, holes filled, or where the stage before found something.
Array3<std::uint8_t> content_mask(std::span<const Volume> channels, const Array3<std::uint16_t>* labels,
                                  const Grid& grid, ThreadPool& pool) {
  Array3<std::uint8_t> mask(grid.shape);
  std::fill(mask.values().begin(), mask.values().end(), std::uint8_t{0});
  for (const Volume& channel : channels) {
    visit_voxels(channel, [&](const auto& voxels) {
      for_lines(grid, pool, [&](std::int64_t line, std::int64_t first) {
        std::uint8_t* to = mask.values().data() + line * grid.shape[2];
        for (std::int64_t n = 0; n < grid.shape[2]; ++n) {
          if (voxels[static_cast<std::size_t>(first + n * grid.stride[2])] != 0) to[n] = 1;
        }
      });
    });
  }
  fill_holes(mask.values(), grid.shape);
  for (std::int64_t n = 0; labels != nullptr && n < mask.count(); ++n) {
    const auto i = static_cast<std::size_t>(n);
    if (labels->values()[i] != 0) mask.values()[i] = 1;
  }
  return mask;
}

Array3<std::uint16_t> gather_labels(const Volume& volume, const Grid& grid, ThreadPool& pool) {
  constexpr double most = 65534;
  visit_voxels(volume, [&](const auto& voxels) {
    for (const auto voxel : voxels) {
      if (!(static_cast<double>(voxel) >= 0 && static_cast<double>(voxel) <= most)) {
        throw Error(ErrorCode::bad_input,
                    fmt::format("the segmentation of the stage before holds {}, expected labels from 0 to {}",
                                static_cast<double>(voxel), most));
      }
    }
  });
  return gather<std::uint16_t>(volume, grid, pool);
}

/// Limits each slice along `axis`, or the whole array for -1, to the range of where it came from.
class Clipper {
 public:
  Clipper(const Array3<float>& source, int axis) : axis_(axis) {
    const Index3& shape = source.shape();
    ranges_.resize(axis < 0 ? 1 : static_cast<std::size_t>(shape[static_cast<std::size_t>(axis)]));
    for_rows(source.shape(), [&](std::int64_t i, std::int64_t j) {
      const float* row = source.row(i, j);
      for (std::int64_t k = 0; k < shape[2]; ++k) {
        auto& [low, high] = ranges_[slice(i, j, k)];
        low = std::min(low, row[k]);
        high = std::max(high, row[k]);
      }
    });
  }
  /// `sources[n]`: the slice that slice n was made of.
  void apply(Array3<float>& values, const std::vector<SamplePair>& sources) const {
    for_rows(values.shape(), [&](std::int64_t i, std::int64_t j) {
      float* row = values.row(i, j);
      for (std::int64_t k = 0; k < values.shape()[2]; ++k) {
        const std::size_t n = slice(i, j, k);
        const auto& [low, high] = ranges_[axis_ < 0 ? 0 : static_cast<std::size_t>(sources[n].index0)];
        row[k] = std::min(std::max(row[k], low), high);
      }
    });
  }

 private:
  template <class Body>
  static void for_rows(const Index3& shape, Body&& body) {
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      for (std::int64_t j = 0; j < shape[1]; ++j) body(i, j);
    }
  }
  std::size_t slice(std::int64_t i, std::int64_t j, std::int64_t k) const {
    return static_cast<std::size_t>(axis_ < 0 ? 0 : axis_ == 0 ? i : axis_ == 1 ? j : k);
  }
  struct Range {
    float low = std::numeric_limits<float>::infinity(), high = -std::numeric_limits<float>::infinity();
  };
  int axis_;
  std::vector<Range> ranges_;
};

std::array<Interpolation, 3> interpolations(const Resampling& resampling, int separate) {
  const Interpolation within = resampling.order == 3   ? Interpolation::cubic
                               : resampling.order == 1 ? Interpolation::linear
                                                       : Interpolation::nearest;
  std::array<Interpolation, 3> out{within, within, within};
  if (separate >= 0) out[static_cast<std::size_t>(separate)] = Interpolation::nearest;
  return out;
}

Array3<float> resample(Array3<float> channel, const Index3& shape, const Resampling& resampling, int separate,
                       ThreadPool& pool) {
  if (channel.shape() == shape) return channel;
  const auto interpolation = interpolations(resampling, separate);
  const bool overshoots = resampling.order == 3;
  if (!overshoots) return resize(std::move(channel), shape, interpolation, pool);
  const Clipper clipper(channel, separate);
  const auto axis = static_cast<std::size_t>(std::max(separate, 0));
  const auto sources = sample_pairs(channel.shape()[axis], shape[axis], Interpolation::nearest);
  Array3<float> out = resize(std::move(channel), shape, interpolation, pool);
  clipper.apply(out, sources);
  return out;
}

/// The content mask on the network's grid, by the rule of labels.
Array3<std::uint8_t> resampled_mask(std::span<const Volume> channels, const Grid& kept, const Index3& shape,
                                    int separate, ThreadPool& pool) {
  Array3<std::uint8_t> mask = content_mask(channels, nullptr, kept, pool);
  if (mask.shape() == shape) return mask;
  Array3<std::uint16_t> labels(mask.shape());
  std::copy(mask.values().begin(), mask.values().end(), labels.values().begin());
  const Array3<std::uint16_t> resized = resize_labels(labels, shape, separate, LabelRule::at_least_half, pool);
  Array3<std::uint8_t> out(shape);
  std::copy(resized.values().begin(), resized.values().end(), out.values().begin());
  return out;
}

/// The channels in the order of version 1, which also clears what lies outside the mask.
std::vector<Array3<float>> resample_then_normalise(std::span<const Volume> channels, const Grid& kept,
                                                   const Index3& shape, const Plan& plan, const RunControl& control,
                                                   ThreadPool& pool) {
  const int separate = separate_axis(plan.data, kept.spacing_mm, plan.target_spacing(kept.spacing_mm));
  const auto clears = [](const ChannelPlan& c) { return c.masked && c.normalisation != Normalisation::none; };
  Array3<std::uint8_t> mask;
  if (std::any_of(plan.channels.begin(), plan.channels.end(), clears)) {
    mask = resampled_mask(channels, kept, shape, separate, pool);
  }
  std::vector<Array3<float>> out;
  for (std::size_t c = 0; c < channels.size(); ++c) {
    control.check();
    Array3<float> channel = gather<float>(channels[c], kept, pool);
    for (float& voxel : channel.values()) voxel = std::isnan(voxel) ? 0.0f : voxel;
    channel = resample(std::move(channel), shape, plan.data, separate, pool);
    normalise(channel.values(), plan.channels[c], mask.values(), pool);
    for (std::size_t n = 0; clears(plan.channels[c]) && n < mask.values().size(); ++n) {
      if (mask.values()[n] == 0) channel.values()[n] = 0;
    }
    out.push_back(std::move(channel));
  }
  return out;
}

/// Version 1 stretches the whole segmentation of the stage before over the cropped image.
Array3<std::uint16_t> stretched_labels(const Volume& previous, const Grid& grid, const Index3& shape,
                                       ThreadPool& pool) {
  Array3<std::uint16_t> labels = gather_labels(previous, grid, pool);
  return labels.shape() == shape ? std::move(labels) : resize_labels(labels, shape, -1, LabelRule::at_least_half, pool);
}

}  // namespace

NetworkImage preprocess(std::span<const Volume> channels, const Volume* previous, const Plan& plan,
                        const RunControl& control, ThreadPool& pool) {
  check_images(channels, previous, plan);
  NetworkImage out;
  out.grid = grid_of(channels[0].geometry(), plan);
  out.crop = find_content(channels, out.grid, pool);
  out.spacing_mm = plan.target_spacing(out.grid.spacing_mm);
  const Grid kept = out.grid.cropped(out.crop);
  const Index3 shape = resampled_shape(kept.shape, kept.spacing_mm, out.spacing_mm);
  if (plan.generation == 1) {
    out.channels = resample_then_normalise(channels, kept, shape, plan, control, pool);
    if (previous != nullptr) out.labels = stretched_labels(*previous, out.grid, shape, pool);
    return out;
  }
  std::optional<Array3<std::uint16_t>> labels;
  if (previous != nullptr) labels = gather_labels(*previous, kept, pool);
  Array3<std::uint8_t> mask;
  const auto needs_mask = [](const ChannelPlan& c) { return c.masked && c.normalisation == Normalisation::z_score; };
  if (std::any_of(plan.channels.begin(), plan.channels.end(), needs_mask)) {
    mask = content_mask(channels, labels ? &*labels : nullptr, kept, pool);
  }
  const int separate = separate_axis(plan.data, kept.spacing_mm, out.spacing_mm);
  for (std::size_t c = 0; c < channels.size(); ++c) {
    control.check();
    Array3<float> channel = gather<float>(channels[c], kept, pool);
    normalise(channel.values(), plan.channels[c], mask.values(), pool);
    out.channels.push_back(resample(std::move(channel), shape, plan.data, separate, pool));
  }
  if (labels) {
    const int axis = separate_axis(plan.labels, kept.spacing_mm, out.spacing_mm);
    const auto rule =
        plan.labels.method == Resampling::Method::torch ? LabelRule::largest_share : LabelRule::at_least_half;
    out.labels = labels->shape() == shape ? std::move(*labels) : resize_labels(*labels, shape, axis, rule, pool);
  }
  return out;
}

}  // namespace sagittal::segment
