#include "interact/guide_sharpen.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace sagittal::interact {
namespace {

constexpr int kLevels = 64;          ///< of grey values
constexpr float kSureObject = 1;     ///< log odds above which a voxel counts as object
constexpr float kBeside = -1;        ///< below which it counts as background,
constexpr float kFarBeside = -5;     ///< unless it is this far from being object
constexpr float kDecided = 4;        ///< log odds that grey values do not change
constexpr float kRounding = 0.01F;   ///< more than interpolation adds to log odds
constexpr float kWeight = 0.7F;      ///< of grey values
constexpr std::int64_t kLeast = 50;  ///< voxels of either kind that are enough to learn from

using Counts = std::array<std::int64_t, kLevels>;
struct Histograms {
  Counts object{}, beside{};
};

bool is_beside(float answer) { return answer < kBeside && answer > kFarBeside; }

/// Grey values to levels.
struct Levels {
  float low = 0, scale = 0;

  std::size_t of(float value) const {
    const float place = std::clamp((value - low) * scale, 0.F, static_cast<float>(kLevels - 1));
    return static_cast<std::size_t>(place);
  }
};

std::optional<Levels> levels_of(const Field& answer, const Field& means) {
  std::vector<float> values;
  for (std::size_t n = 0; n < answer.count(); ++n) {
    if (answer[n] > kSureObject || is_beside(answer[n])) values.push_back(means[n]);
  }
  if (values.size() < 2) return std::nullopt;
  const auto at = [&](double share) {
    const auto n = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + n, values.end());
    return values[static_cast<std::size_t>(n)];
  };
  const float low = at(0.005), high = at(0.995);
  if (!(high > low)) return std::nullopt;
  return Levels{low, kLevels / (high - low)};
}

using Range = AnswerPlane::Range;

/// Planes of the image with each voxel the mean of its neighbourhood: three voxels along axes that are thinned.
class SmoothPlane {
 public:
  SmoothPlane(const NormalisedImage& image, const GuideView& view) : image_(image), view_(view) {
    const Index3 size = view.box.size();
    height_ = size[1];
    width_ = size[2];
    sum_.resize(static_cast<std::size_t>(height_ * width_));
    line_.resize(static_cast<std::size_t>(width_));
    before_.resize(line_.size());
  }

  /// Row j of what was read, all of it.
  const float* row(std::int64_t j) const { return sum_.data() + j * width_; }

  /// These rows and columns of plane i.
  void read(std::int64_t i, const Range& rows, const Range& columns) {
    const Range high{std::max<std::int64_t>(0, rows.first - 1), std::min(height_, rows.last + 1)};
    const Range wide{std::max<std::int64_t>(0, columns.first - 1), std::min(width_, columns.last + 1)};
    const std::int64_t length = wide.last - wide.first, reach = view_.step[0] > 1 ? 1 : 0;
    const float scale = 1 / static_cast<float>(2 * reach + 1);
    for (std::int64_t j = high.first; j < high.last; ++j) {
      float* to = sum_.data() + j * width_ + wide.first;
      std::fill(to, to + length, 0.F);
      for (std::int64_t d = -reach; d <= reach; ++d) {
        const std::int64_t plane = std::clamp(view_.box.lo[0] + i + d, view_.box.lo[0], view_.box.hi[0] - 1);
        image_.read({plane, view_.box.lo[1] + j, view_.box.lo[2] + wide.first}, length, line_.data());
        for (std::int64_t k = 0; k < length; ++k) to[k] += line_[static_cast<std::size_t>(k)];
      }
      for (std::int64_t k = 0; k < length; ++k) to[k] *= scale;
    }
    if (view_.step[1] > 1) add_rows(high, wide);
    if (view_.step[2] > 1) {
      for (std::int64_t j = rows.first; j < rows.last; ++j) add_neighbours(sum_.data() + j * width_, wide);
    }
  }

 private:
  void add_rows(const Range& rows, const Range& columns) {
    const auto length = static_cast<std::size_t>(columns.last - columns.first);
    float* here = sum_.data() + rows.first * width_ + columns.first;
    std::copy_n(here, length, before_.begin());
    for (std::int64_t j = rows.first; j < rows.last; ++j, here += width_) {
      const float* after = j + 1 < rows.last ? here + width_ : here;
      std::copy_n(here, length, line_.begin());
      for (std::size_t k = 0; k < length; ++k) here[k] = (before_[k] + line_[k] + after[k]) / 3;
      std::swap(before_, line_);
    }
  }

  void add_neighbours(float* row, const Range& columns) {
    std::copy(row + columns.first, row + columns.last, line_.begin() + columns.first);
    const float* from = line_.data();
    const std::int64_t first = columns.first, last = columns.last - 1;
    const auto at = [&](std::int64_t k) {
      return (from[std::max(first, k - 1)] + from[k] + from[std::min(last, k + 1)]) / 3;
    };
    row[first] = at(first);
    for (std::int64_t k = first + 1; k < last; ++k) row[k] = (from[k - 1] + from[k] + from[k + 1]) / 3;
    row[last] = at(last);
  }

  const NormalisedImage& image_;
  const GuideView& view_;
  std::int64_t height_, width_;
  std::vector<float> sum_, line_, before_;
};

/// Calls body(i, j, from voxel, its answers, its grey values) for what of each row may be above `floor`, planes in
/// parallel.
template <class Body>
void for_each_row(const Field& answer, const GuideView& view, float floor, const NormalisedImage& image,
                  ThreadPool& pool, const RunControl& control, Body&& body) {
  const Index3 size = view.box.size();
  constexpr std::int64_t grain = 8;
  pool.parallel_for(size[0], grain, [&](std::int64_t begin, std::int64_t end) {
    AnswerPlane log_odds(answer, view, floor - kRounding);
    std::optional<SmoothPlane> grey;
    std::vector<float> row(static_cast<std::size_t>(size[2]));
    for (std::int64_t i = begin; i < end; ++i) {
      control.check();
      log_odds.read(i);
      const Range rows = log_odds.rows();
      if (rows.empty()) continue;
      if (!grey) grey.emplace(image, view);
      grey->read(i, rows, log_odds.columns());
      for (std::int64_t j = rows.first; j < rows.last; ++j) {
        const Range part = log_odds.row(j, row);
        if (part.empty()) continue;
        const auto answers = std::span<const float>(row).subspan(static_cast<std::size_t>(part.first),
                                                                 static_cast<std::size_t>(part.last - part.first));
        body(i, j, part.first, answers, grey->row(j) + part.first);
      }
    }
  });
}

/// How much more likely each level is in the object than beside it, as log odds; none where there is little to learn.
std::optional<std::array<float, kLevels>> learn(const Histograms& seen) {
  Field object({1, 1, kLevels}), beside({1, 1, kLevels});
  std::int64_t objects = 0, besides = 0;
  for (std::size_t n = 0; n < kLevels; ++n) {
    objects += seen.object[n];
    besides += seen.beside[n];
  }
  if (objects < kLeast || besides < kLeast) return std::nullopt;
  for (std::size_t n = 0; n < kLevels; ++n) {
    object[n] = static_cast<float>(static_cast<double>(seen.object[n]) / static_cast<double>(objects));
    beside[n] = static_cast<float>(static_cast<double>(seen.beside[n]) / static_cast<double>(besides));
  }
  object = smooth(object, 1.5);
  beside = smooth(beside, 1.5);
  std::array<float, kLevels> out{};
  for (std::size_t n = 0; n < kLevels; ++n) {
    constexpr float least = 1e-3F, most = 3;
    out[n] = kWeight * std::clamp(std::log((object[n] + least) / (beside[n] + least)), -most, most);
  }
  return out;
}

}  // namespace

BitVolume sharpen(const Field& answer, const Field& means, const GuideView& view, const NormalisedImage& image,
                  ThreadPool& pool, const RunControl& control) {
  const Index3 size = view.box.size();
  const auto levels = view.step == Index3{1, 1, 1} ? std::nullopt : levels_of(answer, means);
  if (!levels) return enlarge(answer, view, pool);
  std::vector<Histograms> parts(static_cast<std::size_t>(size[0]));
  for_each_row(answer, view, kFarBeside, image, pool, control,
               [&](std::int64_t i, std::int64_t, std::int64_t, std::span<const float> row, const float* grey) {
                 Histograms& part = parts[static_cast<std::size_t>(i)];
                 for (std::size_t k = 0; k < row.size(); ++k) {
                   if (row[k] > kSureObject) ++part.object[levels->of(grey[k])];
                   if (is_beside(row[k])) ++part.beside[levels->of(grey[k])];
                 }
               });
  Histograms seen;
  for (const Histograms& part : parts) {
    for (std::size_t n = 0; n < kLevels; ++n) {
      seen.object[n] += part.object[n];
      seen.beside[n] += part.beside[n];
    }
  }
  const auto odds = learn(seen);
  if (!odds) return enlarge(answer, view, pool);
  BitVolume out(size);
  for_each_row(answer, view, -kDecided, image, pool, control,
               [&](std::int64_t i, std::int64_t j, std::int64_t from, std::span<const float> row, const float* grey) {
                 std::vector<std::uint8_t> voxels(row.size());
                 for (std::size_t k = 0; k < row.size(); ++k) {
                   const bool open = std::abs(row[k]) < kDecided;
                   voxels[k] = row[k] + (open ? (*odds)[levels->of(grey[k])] : 0.F) > 0;
                 }
                 out.set_row(i, j, from, voxels);
               });
  return out;
}

}  // namespace sagittal::interact
