#include "interact/coarse.h"

#include <algorithm>
#include <cstring>

#include "base/half.h"
#include "base/recycled.h"
#include "base/vectorised.h"
#include "volume/resample.h"

namespace sagittal::interact {
namespace {

constexpr std::int64_t kPlaneGrain = 8;

std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

/// Counts of one face.
struct FaceChange {
  static constexpr double kLargeRatio = 0.2;

  std::int64_t before = 0;
  std::int64_t after = 0;
  std::int64_t differing = 0;

  bool is_large(Rules rules) const {
    constexpr std::int64_t always_large = 1500, never_large = 100;
    if (differing <= never_large) return false;
    return differing > always_large || (rules == Rules::v2_5 ? grows_in_half() : grows());
  }

 private:
  bool grows() const {
    const auto larger = static_cast<double>(std::max(before, after));
    const double smaller = std::max(static_cast<double>(std::min(before, after)), 1e-5);
    return larger / smaller - 1 > kLargeRatio;
  }

  /// The same with every number rounded to half, as the original's tensors of that type do.
  bool grows_in_half() const {
    const Half a = to_half(static_cast<float>(before)), b = to_half(static_cast<float>(after));
    const float larger = from_half(std::max(a, b)), smaller = from_half(std::min(a, b));
    if (smaller == 0) return larger > 0;
    const float ratio = from_half(to_half(larger / smaller));
    return from_half(to_half(ratio - 1)) > from_half(to_half(static_cast<float>(kLargeRatio)));
  }
};

SAGITTAL_VECTORISED void mark_larger(const float* a, const float* b, std::int64_t count, std::uint8_t* out) {
  for (std::int64_t v = 0; v < count; ++v) out[v] = a[v] > b[v] ? 1 : 0;
}

}  // namespace

void decide(std::span<const float> logits, ThreadPool& pool, PatchMask& mask) {
  const std::size_t voxels = logits.size() / 2;
  mask.resize(voxels);
  const float* background = logits.data();
  const float* object = background + voxels;
  std::uint8_t* out = mask.data();
  constexpr std::int64_t grain = 1 << 18;
  pool.parallel_for(static_cast<std::int64_t>(voxels), grain, [=](std::int64_t begin, std::int64_t end) {
    mark_larger(object + begin, background + begin, end - begin, out + begin);
  });
}

bool reaches_border(const PatchMask& mask, const Index3& patch, const MaskGrid& previous, const Box& box, Rules rules) {
  const Index3 size = box.size();
  std::array<std::vector<std::int64_t>, 3> sources;  // in the box
  for (int axis = 0; axis < 3; ++axis) sources[to_size(axis)] = nearest_sources(size[axis], patch[axis]);
  const auto face_change = [&](int axis, std::int64_t plane) {
    Box face = whole(patch);
    face.lo[axis] = plane;
    face.hi[axis] = plane + 1;
    Box seen = box;
    seen.lo[axis] += sources[to_size(axis)][to_size(plane)];
    seen.hi[axis] = seen.lo[axis] + 1;
    const BitVolume known = previous.read(seen);
    const auto source_of = [&](int a, std::int64_t n) { return a == axis ? 0 : sources[to_size(a)][to_size(n)]; };
    FaceChange change;
    for (std::int64_t i = face.lo[0]; i < face.hi[0]; ++i) {
      for (std::int64_t j = face.lo[1]; j < face.hi[1]; ++j) {
        for (std::int64_t k = face.lo[2]; k < face.hi[2]; ++k) {
          const bool before = known.at(source_of(0, i), source_of(1, j), source_of(2, k));
          const bool after = mask[to_size((i * patch[1] + j) * patch[2] + k)] != 0;
          change.before += before;
          change.after += after;
          change.differing += before != after;
        }
      }
    }
    return change;
  };
  for (int axis = 0; axis < 3; ++axis) {
    for (const std::int64_t plane : {std::int64_t{0}, patch[axis] - 1}) {
      if (face_change(axis, plane).is_large(rules)) return true;
    }
  }
  return false;
}

BitVolume pack(const PatchMask& mask, const Index3& patch, const Box& part, ThreadPool& pool) {
  BitVolume out(part.size());
  const auto length = to_size(part.hi[2] - part.lo[2]);
  pool.parallel_for(part.hi[0] - part.lo[0], kPlaneGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t j = 0; j < part.hi[1] - part.lo[1]; ++j) {
        const std::int64_t row = (part.lo[0] + i) * patch[1] + part.lo[1] + j;
        out.set_row(i, j, 0, {mask.data() + row * patch[2] + part.lo[2], length});
      }
    }
  });
  return out;
}

namespace {

/// Which voxels of a row are set: none outside [first, end), and all in it where `solid`.
struct SetRange {
  std::int64_t first = 0, end = 0;
  bool solid = true;

  bool empty() const { return first == end; }
  bool operator==(const SetRange&) const = default;
};

SetRange set_range(const std::uint8_t* row, std::int64_t length) {
  const auto* first = static_cast<const std::uint8_t*>(std::memchr(row, 1, to_size(length)));
  if (first == nullptr) return {};
  const std::uint8_t* end = row + length;
  while (end[-1] == 0) --end;
  return {first - row, end - row, std::memchr(first, 0, static_cast<std::size_t>(end - first)) == nullptr};
}

/// Two neighbours on an axis and their weights.
struct Pair {
  const float *a, *b;
  float weight_a, weight_b;
};

/// Whether the blend of two blends is at least one half.
SAGITTAL_VECTORISED void blend_and_decide(const Pair& near_pair, const Pair& far_pair, float near_weight,
                                          float far_weight, std::int64_t count, std::uint8_t* out) {
  const Pair p = near_pair, q = far_pair;
  for (std::int64_t k = 0; k < count; ++k) {
    const float near_value = blend(p.weight_a, p.a[k], p.weight_b, p.b[k]);
    const float far_value = blend(q.weight_a, q.a[k], q.weight_b, q.b[k]);
    out[k] = blend(near_weight, near_value, far_weight, far_value) >= 0.5f ? 1 : 0;
  }
}

/// What all planes of an enlarged mask share.
struct Enlargement {
  const PatchMask& mask;
  Index3 patch;
  Box part;
  std::array<std::vector<LinearTap>, 3> taps;
  std::vector<SetRange> ranges;  ///< of the patch's rows

  /// The outputs of a row, in `part`, that voxels in [first, end) of it reach.
  std::array<std::int64_t, 2> reached(std::int64_t first, std::int64_t end) const {
    const auto begin_at = taps[2].begin() + part.lo[2], end_at = taps[2].begin() + part.hi[2];
    const auto lo = std::partition_point(begin_at, end_at, [&](const LinearTap& tap) { return tap.index1 < first; });
    const auto hi = std::partition_point(lo, end_at, [&](const LinearTap& tap) { return tap.index0 < end; });
    return {lo - begin_at, hi - begin_at};
  }
};

/// A plane of the patch whose rows are stretched along axis 2 when first asked for.
class StretchedPlane {
 public:
  explicit StretchedPlane(const Enlargement& all)
      : all_(&all),
        width_(all.part.hi[2] - all.part.lo[2]),
        done_(to_size(all.patch[1])),
        values_(to_size(all.patch[1] * width_)) {}

  std::int64_t at() const { return at_; }
  void move_to(std::int64_t plane) {
    at_ = plane;
    std::fill(done_.begin(), done_.end(), false);
  }

  const float* row(std::int64_t j) {
    float* out = values_.data() + j * width_;
    if (done_[to_size(j)]) return out;
    done_[to_size(j)] = true;
    std::fill_n(out, width_, 0.0f);
    const std::int64_t index = at_ * all_->patch[1] + j;
    const std::uint8_t* source = all_->mask.data() + index * all_->patch[2];
    const SetRange& range = all_->ranges[to_size(index)];
    if (range.empty()) return out;
    const auto [lo, hi] = all_->reached(range.first, range.end);
    const LinearTap* taps = all_->taps[2].data() + all_->part.lo[2];
    for (std::int64_t k = lo; k < hi; ++k) {
      out[k] = blend(taps[k].weight0, source[taps[k].index0], taps[k].weight1, source[taps[k].index1]);
    }
    return out;
  }

 private:
  const Enlargement* all_;
  std::int64_t width_, at_ = -1;
  std::vector<bool> done_;
  RecycledVector<float> values_;
};

/// One plane of the enlarged mask after the other.
class Enlarger {
 public:
  explicit Enlarger(const Enlargement& all) : all_(all), front_(all), back_(all), row_(to_size(width())) {}

  void fill_plane(std::int64_t i, BitVolume& out) {
    const LinearTap& ti = all_.taps[0][to_size(all_.part.lo[0] + i)];
    if (back_.at() == ti.index0) std::swap(front_, back_);
    if (front_.at() != ti.index0) front_.move_to(ti.index0);
    if (back_.at() != ti.index1) back_.move_to(ti.index1);
    for (std::int64_t j = 0; j < all_.part.hi[1] - all_.part.lo[1]; ++j) {
      fill_row(i, j, ti, all_.taps[1][to_size(all_.part.lo[1] + j)], out);
    }
  }

 private:
  std::int64_t width() const { return all_.part.hi[2] - all_.part.lo[2]; }

  void fill_row(std::int64_t i, std::int64_t j, const LinearTap& ti, const LinearTap& tj, BitVolume& out) {
    const auto range = [&](std::int64_t a, std::int64_t b) { return all_.ranges[to_size(a * all_.patch[1] + b)]; };
    const std::array<SetRange, 4> ranges{range(ti.index0, tj.index0), range(ti.index0, tj.index1),
                                         range(ti.index1, tj.index0), range(ti.index1, tj.index1)};
    const SetRange full{0, all_.patch[2], true};
    if (std::all_of(ranges.begin(), ranges.end(), [&](const SetRange& r) { return r == full; })) {
      out.fill({{i, j, 0}, {i + 1, j + 1, width()}}, true);
      return;
    }
    std::int64_t first = all_.patch[2], end = 0;
    for (const SetRange& r : ranges) {
      if (r.empty()) continue;
      first = std::min(first, r.first);
      end = std::max(end, r.end);
    }
    if (first >= end) return;
    const auto [lo, hi] = all_.reached(first, end);
    if (lo >= hi) return;
    const Pair near_pair{front_.row(tj.index0) + lo, front_.row(tj.index1) + lo, tj.weight0, tj.weight1};
    const Pair far_pair{back_.row(tj.index0) + lo, back_.row(tj.index1) + lo, tj.weight0, tj.weight1};
    blend_and_decide(near_pair, far_pair, ti.weight0, ti.weight1, hi - lo, row_.data());
    out.set_row(i, j, lo, {row_.data(), to_size(hi - lo)});
  }

  const Enlargement& all_;
  StretchedPlane front_, back_;
  std::vector<std::uint8_t> row_;
};

Enlargement enlargement(const PatchMask& mask, const Index3& patch, const Index3& size, const Box& part) {
  Enlargement all{mask, patch, part, {}, {}};
  for (int axis = 0; axis < 3; ++axis) all.taps[to_size(axis)] = linear_taps(patch[axis], size[axis]);
  all.ranges.reserve(to_size(patch[0] * patch[1]));
  for (std::int64_t row = 0; row < patch[0] * patch[1]; ++row) {
    all.ranges.push_back(set_range(mask.data() + row * patch[2], patch[2]));
  }
  return all;
}

}  // namespace

BitVolume enlarge(const PatchMask& mask, const Index3& patch, const Index3& size, const Box& part, ThreadPool& pool) {
  BitVolume out(part.size());
  const Enlargement all = enlargement(mask, patch, size, part);
  pool.parallel_for(part.hi[0] - part.lo[0], 2 * kPlaneGrain, [&](std::int64_t begin, std::int64_t end) {
    Enlarger enlarger(all);
    for (std::int64_t i = begin; i < end; ++i) enlarger.fill_plane(i, out);
  });
  return out;
}

}  // namespace sagittal::interact
