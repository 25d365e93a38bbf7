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
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  const float low = at(0.005), high = at(0.995);
  if (!(high > low)) return std::nullopt;
  return Levels{low, kLevels / (high - low)};
}

/// Planes of the image with each voxel the mean of its neighbourhood: three voxels along axes that are thinned.
class SmoothPlane {
 public:
  SmoothPlane(const NormalisedImage& image, const GuideView& view) : image_(image), view_(view) {
    const Index3 size = view.box.size();
    rows_ = static_cast<std::size_t>(size[1]);
    length_ = static_cast<std::size_t>(size[2]);
    sum_.resize(rows_ * length_);
    line_.resize(length_);
  }

  const float* row(std::int64_t j) const { return sum_.data() + static_cast<std::size_t>(j) * length_; }

  void read(std::int64_t i) {
    std::fill(sum_.begin(), sum_.end(), 0.F);
    const std::int64_t reach = view_.step[0] > 1 ? 1 : 0;
    for (std::int64_t d = -reach; d <= reach; ++d) {
      const std::int64_t plane = std::clamp(view_.box.lo[0] + i + d, view_.box.lo[0], view_.box.hi[0] - 1);
      for (std::size_t j = 0; j < rows_; ++j) {
        image_.read({plane, view_.box.lo[1] + static_cast<std::int64_t>(j), view_.box.lo[2]},
                    static_cast<std::int64_t>(length_), line_.data());
        for (std::size_t k = 0; k < length_; ++k) sum_[j * length_ + k] += line_[k];
      }
    }
    const float scale = 1 / static_cast<float>(2 * reach + 1);
    for (float& value : sum_) value *= scale;
    if (view_.step[1] > 1) add_rows();
    if (view_.step[2] > 1) {
      for (std::size_t j = 0; j < rows_; ++j) add_neighbours(sum_.data() + j * length_);
    }
  }

 private:
  void add_rows() {
    std::vector<float> before(sum_.begin(), sum_.begin() + static_cast<std::ptrdiff_t>(length_));
    for (std::size_t j = 0; j < rows_; ++j) {
      float* here = sum_.data() + j * length_;
      const float* after = j + 1 < rows_ ? here + length_ : here;
      for (std::size_t k = 0; k < length_; ++k) {
        const float value = here[k];
        line_[k] = (before[k] + value + after[k]) / 3;
        before[k] = value;
      }
      std::copy(line_.begin(), line_.end(), here);
    }
  }

  void add_neighbours(float* row) {
    float before = row[0];
    for (std::size_t k = 0; k < length_; ++k) {
      const float value = row[k], after = k + 1 < length_ ? row[k + 1] : value;
      row[k] = (before + value + after) / 3;
      before = value;
    }
  }

  const NormalisedImage& image_;
  const GuideView& view_;
  std::size_t rows_, length_;
  std::vector<float> sum_, line_;
};

/// Calls body(i, j, answer of the row, grey values of the row) for all rows, planes in parallel.
template <class Body>
void for_each_row(const Field& answer, const GuideView& view, const NormalisedImage& image, ThreadPool& pool,
                  const RunControl& control, Body&& body) {
  const Index3 size = view.box.size();
  pool.parallel_for(size[0], 1, [&](std::int64_t begin, std::int64_t end) {
    AnswerPlane log_odds(answer, view);
    SmoothPlane grey(image, view);
    std::vector<float> row(static_cast<std::size_t>(size[2]));
    for (std::int64_t i = begin; i < end; ++i) {
      control.check();
      log_odds.read(i);
      grey.read(i);
      for (std::int64_t j = 0; j < size[1]; ++j) {
        log_odds.row(j, row);
        body(i, j, std::span<const float>(row), grey.row(j));
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
  for_each_row(answer, view, image, pool, control,
               [&](std::int64_t i, std::int64_t, std::span<const float> row, const float* grey) {
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
  for_each_row(answer, view, image, pool, control,
               [&](std::int64_t i, std::int64_t j, std::span<const float> row, const float* grey) {
                 std::vector<std::uint8_t> voxels(row.size());
                 for (std::size_t k = 0; k < row.size(); ++k) {
                   const bool open = std::abs(row[k]) < kDecided;
                   voxels[k] = row[k] + (open ? (*odds)[levels->of(grey[k])] : 0.F) > 0;
                 }
                 out.set_row(i, j, 0, voxels);
               });
  return out;
}

}  // namespace sagittal::interact
