#include "volume/components.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace sagittal {
namespace {

/// Sets that are joined, named by their lowest member.
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t count) : parent_(count) {
    for (std::size_t i = 0; i < count; ++i) parent_[i] = static_cast<std::int32_t>(i);
  }
  std::int32_t find(std::int32_t i) {
    while (parent_[static_cast<std::size_t>(i)] != i) {
      std::int32_t& up = parent_[static_cast<std::size_t>(i)];
      up = parent_[static_cast<std::size_t>(up)];
      i = up;
    }
    return i;
  }
  void join(std::int32_t a, std::int32_t b) {
    a = find(a);
    b = find(b);
    parent_[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);
  }

 private:
  std::vector<std::int32_t> parent_;
};

using Run = Components::Run;

std::vector<Run> find_runs(std::span<const std::uint8_t> voxels, const Index3& shape, std::uint8_t value) {
  std::vector<Run> runs;
  for (std::int64_t row = 0; row < shape[0] * shape[1]; ++row) {
    const std::uint8_t* line = voxels.data() + row * shape[2];
    for (std::int64_t k = 0; k < shape[2];) {
      if (line[k] != value) {
        ++k;
        continue;
      }
      std::int64_t end = k + 1;
      while (end < shape[2] && line[end] == value) ++end;
      runs.push_back({row, k, end, 0});
      k = end;
    }
  }
  constexpr std::size_t most = std::size_t{1} << 30;
  if (runs.size() > most) throw Error(ErrorCode::too_large, "a mask in too many pieces to look for its components");
  return runs;
}

/// Joins the runs of two rows that overlap, or also those that only meet at a corner (`reach` 1).
void join_rows(const std::vector<Run>& runs, std::pair<std::size_t, std::size_t> a,
               std::pair<std::size_t, std::size_t> b, std::int64_t reach, DisjointSets& sets) {
  while (a.first < a.second && b.first < b.second) {
    const Run &left = runs[a.first], &right = runs[b.first];
    if (left.begin < right.end + reach && right.begin < left.end + reach) {
      sets.join(static_cast<std::int32_t>(a.first), static_cast<std::int32_t>(b.first));
    }
    left.end < right.end ? ++a.first : ++b.first;
  }
}

}  // namespace

Components::Components(std::span<const std::uint8_t> voxels, const Index3& shape, std::uint8_t value,
                       Connectivity connectivity)
    : shape_(shape), runs_(find_runs(voxels, shape, value)) {
  const std::int64_t rows = shape[0] * shape[1];
  std::vector<std::size_t> first(static_cast<std::size_t>(rows) + 1, runs_.size());
  for (std::size_t n = runs_.size(); n-- > 0;) first[static_cast<std::size_t>(runs_[n].row)] = n;
  for (std::size_t row = static_cast<std::size_t>(rows); row-- > 0;) first[row] = std::min(first[row], first[row + 1]);
  const auto range = [&](std::int64_t row) {
    const auto r = static_cast<std::size_t>(row);
    return std::pair(first[r], first[r + 1]);
  };
  DisjointSets sets(runs_.size());
  const bool full = connectivity == Connectivity::full;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t i = row / shape[1], j = row % shape[1];
    if (j > 0) join_rows(runs_, range(row), range(row - 1), full, sets);
    for (std::int64_t dj = full ? -1 : 0; i > 0 && dj <= (full ? 1 : 0); ++dj) {
      if (j + dj < 0 || j + dj >= shape[1]) continue;
      join_rows(runs_, range(row), range(row - shape[1] + dj), full, sets);
    }
  }
  std::vector<std::int32_t> number(runs_.size(), -1);
  for (std::size_t n = 0; n < runs_.size(); ++n) {
    std::int32_t& component = number[static_cast<std::size_t>(sets.find(static_cast<std::int32_t>(n)))];
    if (component < 0) {
      component = static_cast<std::int32_t>(sizes_.size());
      sizes_.push_back(0);
    }
    runs_[n].component = component;
    sizes_[static_cast<std::size_t>(component)] += runs_[n].end - runs_[n].begin;
  }
}

std::vector<bool> Components::touch_border() const {
  std::vector<bool> out(sizes_.size(), false);
  for (const Run& run : runs_) {
    const std::int64_t i = run.row / shape_[1], j = run.row % shape_[1];
    const bool at_border =
        i == 0 || i == shape_[0] - 1 || j == 0 || j == shape_[1] - 1 || run.begin == 0 || run.end == shape_[2];
    if (at_border) out[static_cast<std::size_t>(run.component)] = true;
  }
  return out;
}

void fill_holes(std::span<std::uint8_t> mask, const Index3& shape) {
  const Components background(mask, shape, 0, Connectivity::faces);
  const std::vector<bool> open = background.touch_border();
  for (const Components::Run& run : background.runs()) {
    if (open[static_cast<std::size_t>(run.component)]) continue;
    std::fill(mask.data() + run.row * shape[2] + run.begin, mask.data() + run.row * shape[2] + run.end, 1);
  }
}

}  // namespace sagittal
