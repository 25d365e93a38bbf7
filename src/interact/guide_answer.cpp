#include "interact/guide_answer.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace sagittal::interact {
namespace {

AnswerPlane::Range hull_of(const AnswerPlane::Range& a, const AnswerPlane::Range& b) {
  if (a.empty() || b.empty()) return a.empty() ? b : a;
  return {std::min(a.first, b.first), std::max(a.last, b.last)};
}

void mix(const float* low, const float* high, float share, std::span<float> out) {
  for (std::size_t n = 0; n < out.size(); ++n) out[n] = low[n] * (1 - share) + high[n] * share;
}

}  // namespace

std::array<std::array<bool, 2>, 3> reached_faces(const Field& answer, const GuideView& view, const Index3& shape) {
  std::array<std::array<std::int64_t, 2>, 3> hits{};
  std::int64_t total = 0;
  std::size_t n = 0;
  for (std::int64_t i = 0; i < answer.size[0]; ++i) {
    for (std::int64_t j = 0; j < answer.size[1]; ++j) {
      for (std::int64_t k = 0; k < answer.size[2]; ++k) {
        if (!(answer[n++] > 0)) continue;
        ++total;
        const Index3 at{i, j, k};
        for (int axis = 0; axis < 3; ++axis) {
          auto& [low, high] = hits[static_cast<std::size_t>(axis)];
          low += at[axis] == 0;
          high += at[axis] + 1 == answer.size[axis];
        }
      }
    }
  }
  std::array<std::array<bool, 2>, 3> reached{};
  const auto few = std::max<std::int64_t>(3, total * 4 / 1000);
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    reached[a] = {view.box.lo[axis] > 0 && hits[a][0] > few, view.box.hi[axis] < shape[axis] && hits[a][1] > few};
  }
  return reached;
}

AnswerPlane::AnswerPlane(const Field& answer, const GuideView& view, float floor)
    : answer_(answer),
      view_(view),
      floor_(floor),
      plane_(static_cast<std::size_t>(answer.size[1] * answer.size[2])),
      row_(static_cast<std::size_t>(answer.size[2])),
      high_(static_cast<std::size_t>(answer.size[1])) {
  const std::int64_t length = view.box.size()[2];
  for (std::int64_t k = 0; k < length; ++k) along_.push_back(between(k, view.step[2], answer.size[2]));
}

AnswerPlane::Between AnswerPlane::between(std::int64_t n, std::int64_t step, std::int64_t blocks) {
  const float position = (static_cast<float>(n) + 0.5F) / static_cast<float>(step) - 0.5F;
  const auto down = static_cast<std::int64_t>(std::floor(position));
  const std::int64_t low = std::clamp<std::int64_t>(down, 0, blocks - 1);
  return {low, std::min(low + 1, blocks - 1), std::clamp(position - static_cast<float>(low), 0.F, 1.F)};
}

/// Voxels that any of these blocks has a share in.
AnswerPlane::Range AnswerPlane::voxels_near(const Range& blocks, int axis) const {
  if (blocks.empty()) return {};
  const std::int64_t step = view_.step[axis], length = view_.box.hi[axis] - view_.box.lo[axis];
  return {std::max<std::int64_t>(0, (blocks.first - 1) * step), std::min(length, (blocks.last + 1) * step)};
}

void AnswerPlane::read(std::int64_t i) {
  const Between at = between(i, view_.step[0], answer_.size[0]);
  const auto area = static_cast<std::int64_t>(plane_.size());
  mix(answer_.values.data() + at.low * area, answer_.values.data() + at.high * area, at.share, plane_);
  Range rows, columns;
  for (std::int64_t j = 0; j < answer_.size[1]; ++j) {
    const float* row = plane_.data() + j * answer_.size[2];
    Range& high = high_[static_cast<std::size_t>(j)] = {0, answer_.size[2]};
    while (!high.empty() && !(row[high.last - 1] > floor_)) --high.last;
    while (!high.empty() && !(row[high.first] > floor_)) ++high.first;
    if (high.empty()) continue;
    rows = hull_of(rows, {j, j + 1});
    columns = hull_of(columns, high);
  }
  rows_ = voxels_near(rows, 1);
  columns_ = voxels_near(columns, 2);
}

AnswerPlane::Range AnswerPlane::row(std::int64_t j, std::span<float> out) {
  const Between at = between(j, view_.step[1], answer_.size[1]);
  const Range high = hull_of(high_[static_cast<std::size_t>(at.low)], high_[static_cast<std::size_t>(at.high)]);
  const Range range = voxels_near(high, 2);
  if (range.empty()) return range;
  const std::int64_t length = answer_.size[2];
  mix(plane_.data() + at.low * length, plane_.data() + at.high * length, at.share, row_);
  for (std::int64_t k = range.first; k < range.last; ++k) {
    const Between& c = along_[static_cast<std::size_t>(k)];
    out[static_cast<std::size_t>(k)] =
        row_[static_cast<std::size_t>(c.low)] * (1 - c.share) + row_[static_cast<std::size_t>(c.high)] * c.share;
  }
  return range;
}

BitVolume enlarge(const Field& answer, const GuideView& view, ThreadPool& pool) {
  const Index3 size = view.box.size();
  BitVolume out(size);
  constexpr std::int64_t grain = 8;
  pool.parallel_for(size[0], grain, [&](std::int64_t begin, std::int64_t end) {
    AnswerPlane planes(answer, view, 0);
    std::vector<float> row(static_cast<std::size_t>(size[2]));
    std::vector<std::uint8_t> voxels(row.size());
    for (std::int64_t i = begin; i < end; ++i) {
      planes.read(i);
      for (std::int64_t j = planes.rows().first; j < planes.rows().last; ++j) {
        const auto [first, last] = planes.row(j, row);
        for (auto k = static_cast<std::size_t>(first); k < static_cast<std::size_t>(last); ++k) voxels[k] = row[k] > 0;
        out.set_row(i, j, first,
                    std::span(voxels).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
      }
    }
  });
  return out;
}

double expected_dice(const Field& answer) {
  double inside = 0, all = 0, found = 0;
  for (const float value : answer.values) {
    const double chance = 1 / (1 + std::exp(-static_cast<double>(value)));
    all += chance;
    if (!(value > 0)) continue;
    inside += chance;
    ++found;
  }
  return all + found > 0 ? 2 * inside / (all + found) : 0;
}

void obey_prompts(Field& answer, const GuideScene& scene) {
  constexpr float sure = 2;
  for (std::size_t n = 0; n < answer.count(); ++n) {
    if (scene.core[n] == 1) answer[n] = std::max(answer[n], sure);
    if (scene.core[n] == 2) answer[n] = std::min(answer[n], -sure);
  }
}

void keep_what_was_accepted(Field& answer, const GuideScene& scene) {
  constexpr float sure = 2, barely = 0.3F;
  const Field newest = newest_prompt(scene);
  std::vector<std::uint8_t> asked(answer.count());  // 1: joined to the newest prompt by what changes
  std::vector<std::size_t> open;
  const auto was = [&](std::size_t n) { return scene.previous[n] > 0.5F; };
  for (std::size_t n = 0; n < answer.count(); ++n) {
    if (newest[n] == 0) continue;
    asked[n] = 1;
    open.push_back(n);
  }
  if (open.empty()) return;
  const auto strides = answer.strides();
  while (!open.empty()) {
    const std::size_t here = open.back();
    open.pop_back();
    const auto visit = [&](std::size_t there) {
      if (asked[there] != 0 || (answer[there] > 0) == was(there)) return;
      asked[there] = 1;
      open.push_back(there);
    };
    for (int axis = 0; axis < 3; ++axis) {
      const std::size_t stride = strides[static_cast<std::size_t>(axis)];
      const auto length = static_cast<std::size_t>(answer.size[axis]), at = here / stride % length;
      if (at > 0) visit(here - stride);
      if (at + 1 < length) visit(here + stride);
    }
  }
  for (std::size_t n = 0; n < answer.count(); ++n) {
    const bool changes = (answer[n] > 0) != was(n);
    if (changes && asked[n] == 0 && std::abs(answer[n]) < sure) answer[n] = was(n) ? barely : -barely;
  }
}

}  // namespace sagittal::interact
