#include "interact/raster.h"

#include <cmath>
#include <limits>

namespace sagittal::interact {

std::int64_t round_half_even(double value) {
  const double down = std::floor(value);
  const double fraction = value - down;
  const auto integer = static_cast<std::int64_t>(down);
  if (fraction == 0.5) return integer + (integer % 2 != 0 ? 1 : 0);
  return fraction > 0.5 ? integer + 1 : integer;
}

double zoom_for(const Index3& size, const Index3& patch) {
  double zoom = 1;
  for (int axis = 0; axis < 3; ++axis) {
    const auto wanted = static_cast<double>(size[axis] + patch[axis] / 3);
    zoom = std::max(zoom, wanted / static_cast<double>(patch[axis]));
  }
  return zoom;
}

Focus focus_on(const Box& box, const Index3& patch) {
  Focus focus;
  for (int axis = 0; axis < 3; ++axis) {
    focus.centre[axis] = round_half_even(static_cast<double>(box.lo[axis] + box.hi[axis]) / 2);
  }
  focus.zoom = zoom_for(box.size(), patch);
  return focus;
}

namespace {

/// Squared distance transform along one axis: out[n] = min over m of in[m] + (n - m)^2.
void transform_line(double* line, std::int64_t length, std::int64_t stride, std::vector<double>& scratch) {
  scratch.resize(static_cast<std::size_t>(length));
  for (std::int64_t n = 0; n < length; ++n) scratch[static_cast<std::size_t>(n)] = line[n * stride];
  for (std::int64_t n = 0; n < length; ++n) {
    double best = std::numeric_limits<double>::infinity();
    for (std::int64_t m = 0; m < length; ++m) {
      best = std::min(best, scratch[static_cast<std::size_t>(m)] + static_cast<double>((n - m) * (n - m)));
    }
    line[n * stride] = best;
  }
}

}  // namespace

PointKernel::PointKernel(int radius) : radius_(radius) {
  const std::int64_t side = 2 * radius + 1;
  values_.resize(static_cast<std::size_t>(side * side * side));
  for (std::int64_t n = 0; n < side * side * side; ++n) {
    const std::int64_t i = n / (side * side) - radius, j = n / side % side - radius, k = n % side - radius;
    const bool inside = i * i + j * j + k * k <= std::int64_t{radius} * radius;
    values_[static_cast<std::size_t>(n)] = inside ? std::numeric_limits<double>::infinity() : 0;
  }
  std::vector<double> scratch;
  for (std::int64_t a = 0; a < side; ++a) {
    for (std::int64_t b = 0; b < side; ++b) transform_line(&values_[(a * side + b) * side], side, 1, scratch);
  }
  for (std::int64_t a = 0; a < side; ++a) {
    for (std::int64_t b = 0; b < side; ++b) transform_line(&values_[a * side * side + b], side, side, scratch);
  }
  for (std::int64_t a = 0; a < side * side; ++a) transform_line(&values_[a], side, side * side, scratch);
  double largest = 0;
  for (double& value : values_) {
    value = std::sqrt(value);
    largest = std::max(largest, value);
  }
  for (double& value : values_) value /= largest;
}

Box PointKernel::box_around(const Index3& centre) const {
  Box box;
  for (int axis = 0; axis < 3; ++axis) {
    box.lo[axis] = centre[axis] - radius_;
    box.hi[axis] = centre[axis] + radius_ + 1;
  }
  return box;
}

std::vector<Half> PointKernel::crop(const Index3& centre, const Box& part, double intensity) const {
  const std::int64_t side = 2 * radius_ + 1;
  const Box box = box_around(centre);
  std::vector<Half> out;
  out.reserve(static_cast<std::size_t>(part.volume()));
  for (std::int64_t i = part.lo[0] - box.lo[0]; i < part.hi[0] - box.lo[0]; ++i) {
    for (std::int64_t j = part.lo[1] - box.lo[1]; j < part.hi[1] - box.lo[1]; ++j) {
      for (std::int64_t k = part.lo[2] - box.lo[2]; k < part.hi[2] - box.lo[2]; ++k) {
        const double value = values_[static_cast<std::size_t>((i * side + j) * side + k)];
        out.push_back(to_half(static_cast<float>(value * intensity)));
      }
    }
  }
  return out;
}

Box drawn_box(const std::array<double, 3>& lo, const std::array<double, 3>& hi, const Index3& shape) {
  Box box;
  for (int axis = 0; axis < 3; ++axis) {
    const auto size = static_cast<double>(shape[axis]);
    if (hi[axis] <= 0 || lo[axis] >= size) return {};
    std::int64_t first = round_half_even(std::max(lo[axis], 0.0));
    std::int64_t last = round_half_even(std::min(hi[axis], size));
    if (last <= first) {
      if (first == 0) {
        last = 1;
      } else {
        --first;
      }
    }
    box.lo[axis] = first;
    box.hi[axis] = last;
  }
  return box;
}

std::optional<Box> painted_box(const Box& bounds, std::span<const std::uint8_t> mask) {
  const Index3 size = bounds.size();
  Box box{size, {0, 0, 0}};
  const std::uint8_t* row = mask.data();
  for (std::int64_t i = 0; i < size[0]; ++i) {
    for (std::int64_t j = 0; j < size[1]; ++j, row += size[2]) {
      const std::uint8_t* first = std::find_if(row, row + size[2], [](std::uint8_t v) { return v != 0; });
      if (first == row + size[2]) continue;
      const std::uint8_t* last = row + size[2] - 1;
      while (*last == 0) --last;
      box.lo = {std::min(box.lo[0], i), std::min(box.lo[1], j), std::min<std::int64_t>(box.lo[2], first - row)};
      box.hi = {i + 1, std::max(box.hi[1], j + 1), std::max<std::int64_t>(box.hi[2], last - row + 1)};
    }
  }
  if (box.hi[0] == 0) return std::nullopt;
  for (int axis = 0; axis < 3; ++axis) {
    box.lo[axis] += bounds.lo[axis];
    box.hi[axis] += bounds.lo[axis];
  }
  return box;
}

}  // namespace sagittal::interact
