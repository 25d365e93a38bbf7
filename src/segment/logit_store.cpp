#include "segment/logit_store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"

namespace sagittal::segment {
namespace {

/// A file without a name, all of its room taken, mapped.
float* map_unnamed_file(std::size_t bytes) {
  std::string name = (std::filesystem::temp_directory_path() / "sagittal-logits-XXXXXX").string();
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  int failure = file < 0 ? errno : 0;
  void* mapped = MAP_FAILED;
  if (file >= 0) {
    ::unlink(name.c_str());
    failure = ::posix_fallocate(file, 0, static_cast<off_t>(bytes));
    if (failure == 0) {
      mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      if (mapped == MAP_FAILED) failure = errno;
    }
    ::close(file);
  }
  if (failure == 0) return static_cast<float*>(mapped);
  throw Error(ErrorCode::io,
              fmt::format("{} for what a model of the ensemble answers, in {} (TMPDIR chooses): {}", size_text(bytes),
                          std::filesystem::temp_directory_path().string(), std::strerror(failure)));
}

}  // namespace

std::array<std::vector<SamplePair>, 3> pairs_to_image(const NetworkImage& image, const Plan& plan) {
  const Grid target = image.grid.cropped(image.crop);
  const int separate = separate_axis(plan.logits, image.spacing_mm, target.spacing_mm);
  std::array<std::vector<SamplePair>, 3> pairs;
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    const bool nearest = axis == separate || plan.logits.order == 0;
    pairs[a] =
        sample_pairs(image.shape()[a], target.shape[a], nearest ? Interpolation::nearest : Interpolation::linear);
  }
  return pairs;
}

LogitStore::LogitStore(const NetworkImage& image, const Plan& plan, int heads, bool regions, bool probable)
    : grid_(image.grid),
      crop_(image.crop),
      shape_(image.shape()),
      heads_(heads),
      regions_(regions),
      probable_(probable),
      pairs_(pairs_to_image(image, plan)),
      bytes_(static_cast<std::size_t>(shape_[0] * shape_[1] * shape_[2] * heads_) * sizeof(float)) {
  values_ = map_unnamed_file(bytes_);
}

LogitStore::~LogitStore() { ::munmap(values_, bytes_); }

void LogitStore::take(const LogitRows& rows) {
  for (std::int64_t row = rows.first; row < rows.last; ++row) {
    float* to = values_ + row * heads_ * shape_[1] * shape_[2];
    for (std::int64_t head = 0; head < heads_; ++head) {
      for (std::int64_t j = 0; j < shape_[1]; ++j, to += shape_[2]) std::copy_n(rows.line(row, head, j), shape_[2], to);
    }
  }
}

/// How the image's memory runs along one axis of the model's grid.
struct LogitStore::Axis {
  std::size_t memory = 0;  // 0, 1, 2: along i, j, k
  bool reversed = false;
};

void LogitStore::add_voxel(const std::array<const SamplePair*, 3>& at, float* head0, std::int64_t plane,
                           std::vector<float>& values) const {
  const std::int64_t line = shape_[2], area = shape_[1] * line;
  std::fill(values.begin(), values.end(), 0.0f);
  const auto add = [&](std::int64_t a, std::int64_t b, std::int64_t c, double weight) {
    if (weight == 0) return;
    const float* from = values_ + a * heads_ * area + b * line + c;
    const auto w = static_cast<float>(weight);
    for (std::size_t head = 0; head < values.size(); ++head, from += area) values[head] += w * *from;
  };
  const SamplePair &p = *at[0], &q = *at[1], &r = *at[2];
  for (const auto& [a, wa] : {std::pair(p.index0, p.weight0), std::pair(p.index1, p.weight1)}) {
    for (const auto& [b, wb] : {std::pair(q.index0, q.weight0), std::pair(q.index1, q.weight1)}) {
      add(a, b, r.index0, wa * wb * r.weight0);
      add(a, b, r.index1, wa * wb * r.weight1);
    }
  }
  if (!probable_ && regions_) {
    for (float& value : values) value = 1.0f / (1.0f + std::exp(-value));
  } else if (!probable_) {
    softmax(values.data(), heads_, 1, 1);
  }
  for (const float value : values) {
    *head0 += value;
    head0 += plane;
  }
}

void LogitStore::add_slice(std::int64_t k, const Index3& size, std::span<float> sums, ThreadPool& pool) const {
  const std::array<std::int64_t, 3> strides{1, size[0], size[0] * size[1]};
  std::array<Axis, 3> axes;
  for (std::size_t a = 0; a < 3; ++a) {
    // An axis of one voxel may have any stride; the one that is left over is meant.
    for (std::size_t m = 0; m < 3; ++m) {
      if (std::abs(grid_.stride[a]) == strides[m] && grid_.shape[a] == size[m]) {
        const bool taken = std::any_of(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(a),
                                       [&](const Axis& other) { return other.memory == m; });
        if (!taken) axes[a] = {m, grid_.stride[a] < 0};
      }
    }
  }
  const std::int64_t plane = size[0] * size[1];
  pool.parallel_for(size[1], 4, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> values(static_cast<std::size_t>(heads_));
    for (std::int64_t j = begin; j < end; ++j) {
      for (std::int64_t i = 0; i < size[0]; ++i) {
        const Index3 memory{i, j, k};
        float* head0 = sums.data() + j * size[0] + i;
        std::array<const SamplePair*, 3> at{};
        bool inside = true;
        for (std::size_t a = 0; a < 3 && inside; ++a) {
          std::int64_t n = memory[axes[a].memory];
          if (axes[a].reversed) n = grid_.shape[a] - 1 - n;
          inside = n >= crop_.lo[a] && n < crop_.hi[a];
          if (inside) at[a] = &pairs_[a][static_cast<std::size_t>(n - crop_.lo[a])];
        }
        if (inside) {
          add_voxel(at, head0, plane, values);
        } else if (!regions_) {
          *head0 += 1;
        }
      }
    }
  });
}

}  // namespace sagittal::segment
