#include "interact/nearness.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace sagittal::interact {
namespace {

constexpr float kPathScale = 1 / 20.F;  ///< lengths of paths to nearness
constexpr std::size_t kLongest = 2100;  ///< whose nearness is 0 as a float

/// Shortest paths by buckets of length 1. No step is shorter, so that nothing in a bucket changes once it is opened
/// (Dial 1969): every voxel is gone on from once, in no particular order within its bucket.
class Paths {
 public:
  /// With a rim of one voxel that no path enters.
  explicit Paths(const Field& image)
      : strides_{static_cast<std::size_t>((image.size[1] + 2) * (image.size[2] + 2)),
                 static_cast<std::size_t>(image.size[2] + 2), 1},
        places_(strides_[0] * static_cast<std::size_t>(image.size[0] + 2), Place{0, -1}),
        buckets_(kLongest) {
    for_each(image.size, [&](std::size_t from, std::size_t to) { places_[to] = {image[from], kFar}; });
  }

  void start_at(const std::vector<Seed>& seeds, Seed kind, const Index3& size) {
    for_each(size, [&](std::size_t from, std::size_t to) {
      if (seeds[from] != kind) return;
      places_[to].length = 0;
      buckets_[0].push_back(static_cast<std::uint32_t>(to));
    });
  }

  void find(float steepness) {
    for (std::size_t bucket = 0; bucket < kLongest; ++bucket) {
      for (const std::uint32_t here : buckets_[bucket]) {
        const auto [value, reached] = places_[here];
        if (static_cast<std::size_t>(reached) != bucket) continue;  // found again in an earlier one
        for (const std::size_t stride : strides_) {
          visit(here - stride, value, reached, steepness);
          visit(here + stride, value, reached, steepness);
        }
      }
      buckets_[bucket] = {};
    }
  }

  void write(Field& out) const {
    for_each(out.size,
             [&](std::size_t from, std::size_t to) { out[from] = std::exp(-places_[to].length * kPathScale); });
  }

 private:
  struct Place {
    float value, length;
  };

  void visit(std::size_t there, float value, float reached, float steepness) {
    Place& place = places_[there];
    const float further = reached + 1 + steepness * std::abs(place.value - value);
    if (further >= place.length || !(further < static_cast<float>(kLongest))) return;
    const auto bucket = static_cast<std::size_t>(further);
    const bool waits_there = place.length < static_cast<float>(bucket + 1);
    place.length = further;
    if (!waits_there) buckets_[bucket].push_back(static_cast<std::uint32_t>(there));
  }

  /// Calls body(place in an array of `size`, place within the rim) for all voxels.
  template <class Body>
  void for_each(const Index3& size, Body&& body) const {
    std::size_t from = 0;
    for (std::int64_t i = 0; i < size[0]; ++i) {
      for (std::int64_t j = 0; j < size[1]; ++j) {
        std::size_t to = static_cast<std::size_t>(i + 1) * strides_[0] + static_cast<std::size_t>(j + 1) * strides_[1];
        for (std::int64_t k = 0; k < size[2]; ++k) body(from++, ++to);
      }
    }
  }

  std::array<std::size_t, 3> strides_;
  RecycledVector<Place> places_;
  std::vector<std::vector<std::uint32_t>> buckets_;
};

}  // namespace

Field nearness(const Field& image, float steepness, const std::vector<Seed>& seeds, Seed kind) {
  Field out(image.size);
  if (std::find(seeds.begin(), seeds.end(), kind) == seeds.end()) return out;
  Paths paths(image);
  paths.start_at(seeds, kind, image.size);
  paths.find(steepness);
  paths.write(out);
  return out;
}

}  // namespace sagittal::interact
