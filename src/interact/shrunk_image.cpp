#include "interact/shrunk_image.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/recycled.h"
#include "base/vectorised.h"
#include "volume/resample.h"

namespace sagittal::interact {
namespace {

constexpr std::int64_t kSlab = 12;  // planes of the patch that share what they are made of

std::size_t to_size(std::int64_t n) { return static_cast<std::size_t>(n); }

/// The taps of an axis; where one lies outside the image, its index is the nearest voxel of the image and its weight 0.
struct ImageTaps {
  std::array<std::vector<std::int32_t>, 2> index;
  std::array<std::vector<float>, 2> weight;

  bool outside(std::size_t n) const { return weight[0][n] == 0 && weight[1][n] == 0; }
};

ImageTaps image_taps(std::int64_t lo, std::int64_t size, std::int64_t patch, std::int64_t image_size) {
  ImageTaps taps;
  for (const LinearTap& tap : linear_taps(size, patch)) {
    const std::array<std::int64_t, 2> at{lo + tap.index0, lo + tap.index1};
    const std::array<float, 2> weights{tap.weight0, tap.weight1};
    for (std::size_t n = 0; n < 2; ++n) {
      const auto inside = std::clamp<std::int64_t>(at[n], 0, image_size - 1);
      taps.index[n].push_back(static_cast<std::int32_t>(inside));
      taps.weight[n].push_back(inside == at[n] ? weights[n] : 0.0f);
    }
  }
  return taps;
}

/// One row of the image, whose voxel taps.index[0][0] is source[0], blended along itself.
SAGITTAL_VECTORISED void shrink_row(const float* source, const ImageTaps& taps, std::size_t count, float* out) {
  const std::int32_t *index0 = taps.index[0].data(), *index1 = taps.index[1].data();
  const float *weight0 = taps.weight[0].data(), *weight1 = taps.weight[1].data();
  const std::int32_t first = index0[0];
  for (std::size_t k = 0; k < count; ++k) {
    out[k] = blend(weight0[k], source[index0[k] - first], weight1[k], source[index1[k] - first]);
  }
}

SAGITTAL_VECTORISED void blend_rows(float weight0, const float* a, float weight1, const float* b, std::size_t count,
                                    float* out) {
  for (std::size_t k = 0; k < count; ++k) out[k] = blend(weight0, a[k], weight1, b[k]);
}

/// Planes of the image, shrunk along the two other axes; neighbours of the patch share them and their rows.
class ShrunkPlanes {
 public:
  ShrunkPlanes(const NormalisedImage& image, const ImageTaps& rows, const ImageTaps& columns)
      : image_(image), rows_(rows), columns_(columns) {
    for (Plane& plane : planes_) plane.values.resize(rows.index[0].size() * columns.index[0].size());
    source_.resize(to_size(columns.index[1].back() + 1 - columns.index[0].front()));
    for (Row& row : shrunk_) row.values.resize(columns.index[0].size());
  }

  /// Both live until the next call.
  std::array<const float*, 2> pair(std::int32_t first, std::int32_t second) {
    if (planes_[1].at == first) std::swap(planes_[0], planes_[1]);
    for (const auto& [plane, at] : {std::pair(&planes_[0], first), std::pair(&planes_[1], second)}) {
      if (plane->at != at) fill(*plane, at);
    }
    return {planes_[0].values.data(), planes_[1].values.data()};
  }

 private:
  struct Plane {
    std::int32_t at = -1;
    RecycledVector<float> values;
  };
  struct Row {
    std::int32_t at = -1;
    std::vector<float> values;
  };

  void fill(Plane& plane, std::int32_t at) {
    plane.at = at;
    for (Row& row : shrunk_) row.at = -1;
    const std::size_t width = columns_.index[0].size();
    for (std::size_t j = 0; j < rows_.index[0].size(); ++j) {
      float* out = plane.values.data() + j * width;
      if (rows_.outside(j)) {
        std::fill_n(out, width, 0.0f);
        continue;
      }
      if (shrunk_[1].at == rows_.index[0][j]) std::swap(shrunk_[0], shrunk_[1]);
      for (std::size_t n = 0; n < 2; ++n) {
        if (shrunk_[n].at != rows_.index[n][j]) fill(shrunk_[n], at, rows_.index[n][j]);
      }
      blend_rows(rows_.weight[0][j], shrunk_[0].values.data(), rows_.weight[1][j], shrunk_[1].values.data(), width,
                 out);
    }
  }

  void fill(Row& row, std::int32_t i, std::int32_t j) {
    row.at = j;
    image_.read({i, j, columns_.index[0].front()}, std::ssize(source_), source_.data());
    shrink_row(source_.data(), columns_, row.values.size(), row.values.data());
  }

  const NormalisedImage& image_;
  const ImageTaps &rows_, &columns_;
  std::array<Plane, 2> planes_;
  std::array<Row, 2> shrunk_;
  std::vector<float> source_;
};

}  // namespace

void shrink_image(const NormalisedImage& image, const Box& box, const Index3& patch, ThreadPool& pool,
                  std::span<float> out) {
  const Index3 size = box.size();
  std::array<ImageTaps, 3> taps;
  for (int axis = 0; axis < 3; ++axis) {
    taps[to_size(axis)] = image_taps(box.lo[axis], size[axis], patch[axis], image.shape()[axis]);
  }
  const std::size_t plane_size = to_size(patch[1] * patch[2]);
  pool.parallel_for(patch[0], kSlab, [&](std::int64_t begin, std::int64_t end) {
    ShrunkPlanes planes(image, taps[1], taps[2]);
    for (std::size_t i = to_size(begin); i < to_size(end); ++i) {
      float* plane = out.data() + i * plane_size;
      if (taps[0].outside(i)) {
        std::fill_n(plane, plane_size, 0.0f);
        continue;
      }
      const auto [front, back] = planes.pair(taps[0].index[0][i], taps[0].index[1][i]);
      blend_rows(taps[0].weight[0][i], front, taps[0].weight[1][i], back, plane_size, plane);
    }
  });
}

}  // namespace sagittal::interact
