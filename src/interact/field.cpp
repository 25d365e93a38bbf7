#include "interact/field.h"

#include <algorithm>
#include <cmath>

#include "base/vectorised.h"

namespace sagittal::interact {
namespace {

std::vector<float> gaussian(double sigma) {
  const int radius = static_cast<int>(std::ceil(3 * sigma));
  std::vector<float> kernel;
  double total = 0;
  for (int n = -radius; n <= radius; ++n) total += std::exp(-0.5 * n * n / (sigma * sigma));
  for (int n = -radius; n <= radius; ++n) {
    kernel.push_back(static_cast<float>(std::exp(-0.5 * n * n / (sigma * sigma)) / total));
  }
  return kernel;
}

/// Smooths `run` neighbouring lines of `length` voxels that are `stride` apart; `padded` is room for them.
SAGITTAL_VECTORISED void smooth_lines(float* first, std::size_t stride, std::size_t length, std::size_t run,
                                      const std::vector<float>& kernel, std::vector<float>& padded) {
  const auto radius = static_cast<std::int64_t>(kernel.size() / 2), last = static_cast<std::int64_t>(length) - 1;
  const std::size_t rows = length + kernel.size() - 1;
  padded.resize(rows * run);
  for (std::size_t n = 0; n < rows; ++n) {
    const auto from = std::clamp<std::int64_t>(static_cast<std::int64_t>(n) - radius, 0, last);
    std::copy_n(first + static_cast<std::size_t>(from) * stride, run, padded.data() + n * run);
  }
  // Where lines are one voxel wide, they are smoothed as one row; else row by row.
  const std::size_t width = run == 1 ? length : run, steps = run == 1 ? 1 : length;
  for (std::size_t n = 0; n < steps; ++n) {
    float* to = first + n * stride;
    std::fill_n(to, width, 0.F);
    for (std::size_t m = 0; m < kernel.size(); ++m) {
      const float weight = kernel[m];
      const float* from = padded.data() + (n + m) * run;
      for (std::size_t k = 0; k < width; ++k) to[k] += weight * from[k];
    }
  }
}

/// out[n] = min over m of line[m] + (n - m)^2, by the lower envelope of parabolas (Felzenszwalb and Huttenlocher 2012).
class Envelope {
 public:
  void transform(float* line, std::size_t stride, std::size_t length) {
    heights_.resize(length);
    places_.resize(length);
    starts_.resize(length);
    bool any = false;
    for (std::size_t n = 0; n < length; ++n) {
      heights_[n] = line[n * stride];
      any = any || line[n * stride] < kFar;
    }
    if (!any) return;
    std::size_t count = 0;
    for (std::size_t n = 0; n < length; ++n) {
      double start = -1;
      while (count > 0 && (start = meeting(places_[count - 1], n)) <= starts_[count - 1]) --count;
      places_[count] = n;
      starts_[count] = count == 0 ? -1 : start;
      ++count;
    }
    for (std::size_t n = 0, top = 0; n < length; ++n) {
      while (top + 1 < count && starts_[top + 1] < static_cast<double>(n)) ++top;
      const double apart = static_cast<double>(n) - static_cast<double>(places_[top]);
      line[n * stride] = static_cast<float>(std::min(double{kFar}, heights_[places_[top]] + apart * apart));
    }
  }

 private:
  /// Where the parabola at `b` falls below that at `a` < b.
  double meeting(std::size_t a, std::size_t b) const {
    const auto x = static_cast<double>(a), y = static_cast<double>(b);
    return (heights_[b] + y * y - heights_[a] - x * x) / (2 * (y - x));
  }

  std::vector<double> heights_, starts_;
  std::vector<std::size_t> places_;
};

}  // namespace

Field smooth(const Field& field, double sigma) {
  const std::vector<float> kernel = gaussian(sigma);
  Field out = field;
  std::vector<float> padded;
  for (int axis = 0; axis < 3; ++axis) {
    if (field.size[axis] == 1) continue;
    // Along the last axis one line is a run of voxels, along the others one of neighbouring lines.
    const auto strides = field.strides();
    const std::size_t stride = strides[static_cast<std::size_t>(axis)];
    const std::size_t run = axis == 2 ? 1 : strides[1];
    const int other = axis == 0 ? 1 : 0;
    const std::int64_t runs = axis == 2 ? field.size[0] * field.size[1] : field.size[other];
    const std::size_t between = axis == 2 ? strides[1] : strides[static_cast<std::size_t>(other)];
    for (std::int64_t n = 0; n < runs; ++n) {
      float* first = out.values.data() + static_cast<std::size_t>(n) * between;
      smooth_lines(first, stride, static_cast<std::size_t>(field.size[axis]), run, kernel, padded);
    }
  }
  return out;
}

Field squared_distance(const Field& marks) {
  Field out(marks.size);
  for (std::size_t n = 0; n < out.count(); ++n) out[n] = marks[n] != 0 ? 0 : kFar;
  Envelope envelope;
  for (int axis = 0; axis < 3; ++axis) {
    for_each_line(out.size, axis, [&](std::size_t first, std::size_t stride, std::size_t length) {
      envelope.transform(out.values.data() + first, stride, length);
    });
  }
  return out;
}

}  // namespace sagittal::interact
