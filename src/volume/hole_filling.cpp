#include "volume/hole_filling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"

namespace sagittal {
namespace {

constexpr int kLines = 13;
constexpr int kLongest = 1000;

struct Line {
  std::array<std::int64_t, 3> step;
  std::int64_t stride;
  double length;  // of one step, in voxels
};

std::vector<Line> lines_of(const Index3& size) {
  std::vector<Line> lines;
  for (std::int64_t k = -1; k <= 1; ++k) {
    for (std::int64_t j = -1; j <= 1; ++j) {
      for (std::int64_t i = -1; i <= 1; ++i) {
        const bool first_half = k > 0 || (k == 0 && (j > 0 || (j == 0 && i > 0)));
        const double length = std::sqrt(static_cast<double>(i * i + j * j + k * k));
        if (first_half) lines.push_back({{i, j, k}, (k * size[1] + j) * size[0] + i, length});
      }
    }
  }
  return lines;
}

struct Stick {
  double length = 0, value = 0;
};

class Filler {
 public:
  Filler(std::span<float> values, std::span<const std::uint8_t> hit, const Index3& size, const HoleFilling& filling)
      : values_(values), hit_(hit), size_(size), filling_(filling), lines_(lines_of(size)) {}

  void fill_slice(std::int64_t k) const {
    std::int64_t voxel = k * size_[1] * size_[0];
    for (std::int64_t j = 0; j < size_[1]; ++j) {
      for (std::int64_t i = 0; i < size_[0]; ++i, ++voxel) {
        if (hit_[static_cast<std::size_t>(voxel)] == 0) fill({i, j, k}, voxel);
      }
    }
  }

 private:
  /// Steps along the line to the first voxel that was hit; 0 where there is none within `most`.
  int reach(const std::array<std::int64_t, 3>& at, std::int64_t voxel, const Line& line, std::int64_t sign,
            int most) const {
    for (int n = 1; n <= most; ++n) {
      for (std::size_t a = 0; a < 3; ++a) {
        const std::int64_t place = at[a] + sign * n * line.step[a];
        if (place < 0 || place >= size_[a]) return 0;
      }
      if (hit_[static_cast<std::size_t>(voxel + sign * n * line.stride)] != 0) return n;
    }
    return 0;
  }

  void fill(const std::array<std::int64_t, 3>& at, std::int64_t voxel) const {
    std::array<Stick, kLines> sticks;
    std::size_t count = 0;
    for (const Line& line : lines_) {
      const int ahead = reach(at, voxel, line, 1, filling_.longest_stick - 1);
      if (ahead == 0) continue;
      const int behind = reach(at, voxel, line, -1, filling_.longest_stick - ahead);
      if (behind == 0) continue;
      const double front = static_cast<double>(values_[static_cast<std::size_t>(voxel + ahead * line.stride)]);
      const double back = static_cast<double>(values_[static_cast<std::size_t>(voxel - behind * line.stride)]);
      sticks[count++] = {(ahead + behind) * line.length, (front * behind + back * ahead) / (ahead + behind)};
    }
    const std::size_t used = std::min(count, static_cast<std::size_t>(filling_.sticks));
    double sum = 0, weight = 0;
    for (std::size_t n = 0; n < used; ++n) {
      for (std::size_t other = n + 1; other < count; ++other) {
        if (sticks[other].length < sticks[n].length) std::swap(sticks[other], sticks[n]);
      }
      sum += sticks[n].value / sticks[n].length;
      weight += 1 / sticks[n].length;
    }
    if (used > 0) values_[static_cast<std::size_t>(voxel)] = static_cast<float>(sum / weight);
  }

  std::span<float> values_;  // written only where nothing was hit, read only elsewhere
  std::span<const std::uint8_t> hit_;
  Index3 size_;
  HoleFilling filling_;
  std::vector<Line> lines_;
};

}  // namespace

void fill_sticks(std::span<float> values, std::span<const std::uint8_t> hit, const Index3& size_ijk,
                 const HoleFilling& filling, ThreadPool& pool) {
  if (filling.longest_stick < 2 || filling.longest_stick > kLongest || filling.sticks < 1) {
    throw Error(ErrorCode::bad_input, "hole filling: sticks of 2 to 1000 voxels, at least one of them");
  }
  const Filler filler(values, hit, size_ijk, filling);
  pool.parallel_for(size_ijk[2], 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = begin; k < end; ++k) filler.fill_slice(k);
  });
}

}  // namespace sagittal
