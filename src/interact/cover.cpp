#include "interact/cover.h"

#include <memory>

#include "interact/raster.h"

namespace sagittal::interact {
namespace {

constexpr int kMaxRefinements = 3;  // halvings of the candidates' grid before giving up on it
constexpr int kSamplesOfLeftover = 10;
constexpr int kSamplesWithoutGrid = 25;

/// What a patch around a voxel is, and what of it counts as covered.
struct Reach {
  Index3 patch;
  Index3 margin;
  Index3 shape;

  Box patch_around(const Index3& centre) const {
    Box box;
    for (int axis = 0; axis < 3; ++axis) {
      box.lo[axis] = centre[axis] - patch[axis] / 2;
      box.hi[axis] = box.lo[axis] + patch[axis];
    }
    return box;
  }
  Box window_around(const Index3& centre) const {
    Box box = patch_around(centre);
    for (int axis = 0; axis < 3; ++axis) {
      box.lo[axis] = std::max<std::int64_t>(0, box.lo[axis] + margin[axis]);
      box.hi[axis] = std::min(shape[axis], box.hi[axis] - margin[axis]);
    }
    return box;
  }
};

struct Candidate {
  Index3 centre;
  std::int64_t covers;  ///< at most, as known; coverage only shrinks
};

std::vector<Candidate> grid_candidates(const BitVolume& needed, const Box& bounds, const Index3& stride) {
  std::vector<Candidate> found;
  const std::int64_t unknown = whole(needed.shape()).volume();
  for (std::int64_t i = bounds.lo[0]; i < bounds.hi[0]; i += stride[0]) {
    for (std::int64_t j = bounds.lo[1]; j < bounds.hi[1]; j += stride[1]) {
      for (std::int64_t k = bounds.lo[2]; k < bounds.hi[2]; k += stride[2]) {
        if (needed.at(i, j, k)) found.push_back({{i, j, k}, unknown});
      }
    }
  }
  return found;
}

/// Candidates on a grid of about 5 per axis, finer where none of those is set; empty where no grid hits.
std::vector<Candidate> find_candidates(const BitVolume& needed, const Box& bounds) {
  Index3 stride;
  for (int axis = 0; axis < 3; ++axis) {
    const auto extent = static_cast<double>(bounds.hi[axis] - 1 - bounds.lo[axis]);
    stride[axis] = std::max<std::int64_t>(1, round_half_even(extent / 4));
  }
  for (int depth = 0; depth <= kMaxRefinements; ++depth) {
    auto found = grid_candidates(needed, bounds, stride);
    if (!found.empty()) return found;
    for (std::int64_t& step : stride) step = std::max<std::int64_t>(1, step / 2);
  }
  return {};
}

/// The first candidate that covers the most, or null where none covers anything. Skips recounting those whose last
/// count cannot win.
const Candidate* choose(std::vector<Candidate>& candidates, const BitVolume& uncovered, const Reach& reach) {
  const Candidate* best = nullptr;
  for (Candidate& candidate : candidates) {
    const std::int64_t to_beat = best ? best->covers : 0;
    if (candidate.covers <= to_beat) continue;
    candidate.covers = uncovered.count(reach.window_around(candidate.centre));
    if (candidate.covers > to_beat) best = &candidate;
  }
  return best;
}

void cover_leftover(BitVolume& uncovered, const Reach& reach, int samples, const LeftoverPick& pick,
                    std::vector<Box>& patches) {
  for (std::int64_t left = uncovered.count(whole(reach.shape)); left > 0; left = uncovered.count(whole(reach.shape))) {
    std::vector<Candidate> candidates;
    for (int n = 0; n < samples; ++n) candidates.push_back({uncovered.select(pick(left)), left});
    const Candidate* best = choose(candidates, uncovered, reach);
    patches.push_back(reach.patch_around(best->centre));
    uncovered.fill(reach.window_around(best->centre), false);
  }
}

}  // namespace

namespace {

std::uint64_t splitmix64(std::uint64_t state) {
  std::uint64_t mixed = state + 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

/// floor(a * b / 2^64)
std::uint64_t high_product(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a_low = a & 0xffffffff, a_high = a >> 32, b_low = b & 0xffffffff, b_high = b >> 32;
  const std::uint64_t carry = ((a_low * b_low) >> 32) + ((a_high * b_low) & 0xffffffff) + a_low * b_high;
  return a_high * b_high + ((a_high * b_low) >> 32) + (carry >> 32);
}

}  // namespace

LeftoverPick make_leftover_pick() {
  return [drawn = std::uint64_t{0}](std::int64_t count) mutable {
    return static_cast<std::int64_t>(high_product(splitmix64(drawn++), static_cast<std::uint64_t>(count)));
  };
}

Index3 cover_margin(const Index3& patch) {
  constexpr std::int64_t reference = 24;
  Index3 margin;
  for (int axis = 0; axis < 3; ++axis) margin[axis] = patch[axis] > 2 * reference ? reference : patch[axis] / 8;
  return margin;
}

std::vector<Box> cover(const BitVolume& needed, const Index3& patch, const Index3& margin, const LeftoverPick& pick) {
  std::vector<Box> patches;
  const auto bounds = needed.bounds();
  if (!bounds) return patches;
  const Reach reach{patch, margin, needed.shape()};
  BitVolume uncovered = needed;
  std::vector<Candidate> candidates = find_candidates(needed, *bounds);
  const int samples = candidates.empty() ? kSamplesWithoutGrid : kSamplesOfLeftover;
  while (const Candidate* best = choose(candidates, uncovered, reach)) {
    patches.push_back(reach.patch_around(best->centre));
    uncovered.fill(reach.window_around(best->centre), false);
    std::erase_if(candidates, [&](const Candidate& c) { return !uncovered.at(c.centre[0], c.centre[1], c.centre[2]); });
  }
  cover_leftover(uncovered, reach, samples, pick, patches);
  return patches;
}

}  // namespace sagittal::interact
