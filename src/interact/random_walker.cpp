#include "interact/random_walker.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/vectorised.h"

namespace sagittal::interact {
namespace {

/// Calls body(plane) for every plane of axis 0 and adds up what it returns, always in the same order.
template <class Body>
double sum_planes(std::int64_t planes, ThreadPool& pool, Body&& body) {
  std::vector<double> parts(static_cast<std::size_t>(planes));
  constexpr std::int64_t grain = 4;
  pool.parallel_for(planes, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) parts[static_cast<std::size_t>(i)] = body(i);
  });
  double total = 0;
  for (const double part : parts) total += part;
  return total;
}

/// The sum of term(n) over n < count, in eight parts so that it may be computed eight at a time.
template <class Term>
inline double sum_of(std::size_t count, Term&& term) {
  constexpr std::size_t lanes = 8;
  std::array<double, lanes> sums{};
  std::size_t n = 0;
  for (; n + lanes <= count; n += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += term(n + lane);
  }
  for (; n < count; ++n) sums[0] += term(n);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// The arrays of a system, each from one plane on.
struct Plane {
  std::size_t count;      ///< voxels in a plane
  const float* diagonal;  ///< of the matrix
  const float* open;      ///< 1 where a voxel is not known, else 0
  float *x, *residual, *direction, *applied;
};

/// The sum of residual^2 / diagonal after a step along the direction.
SAGITTAL_VECTORISED double step_along(const Plane& plane, float step) {
  const float *open = plane.open, *direction = plane.direction, *applied = plane.applied, *diagonal = plane.diagonal;
  float *x = plane.x, *residual = plane.residual;
  for (std::size_t n = 0; n < plane.count; ++n) x[n] += step * direction[n];
  for (std::size_t n = 0; n < plane.count; ++n) residual[n] -= step * open[n] * applied[n];
  return sum_of(plane.count, [=](std::size_t n) { return double{residual[n]} * residual[n] / diagonal[n]; });
}

SAGITTAL_VECTORISED void turn(const Plane& plane, float keep) {
  const float *residual = plane.residual, *diagonal = plane.diagonal;
  float* direction = plane.direction;
  for (std::size_t n = 0; n < plane.count; ++n) direction[n] = residual[n] / diagonal[n] + keep * direction[n];
}

/// Takes edge[n] * x[n] from each.
SAGITTAL_VECTORISED void subtract_products(std::size_t count, const float* edge, const float* x, float* out) {
  for (std::size_t n = 0; n < count; ++n) out[n] -= edge[n] * x[n];
}

SAGITTAL_VECTORISED void multiply(std::size_t count, const float* a, const float* b, float* out) {
  for (std::size_t n = 0; n < count; ++n) out[n] = a[n] * b[n];
}

SAGITTAL_VECTORISED double sum_products(std::size_t count, const float* a, const float* b, const float* c) {
  return sum_of(count, [=](std::size_t n) { return double{a[n]} * b[n] * c[n]; });
}

class Walker {
 public:
  Walker(const Conductance& conductance, const std::vector<Seed>& seeds, const Field& weight, ThreadPool& pool)
      : edges_(conductance), pool_(pool), size_(weight.size), diagonal_(weight.size), open_(weight.size) {
    const auto strides = weight.strides();
    for (std::size_t n = 0; n < weight.count(); ++n) {
      constexpr float least = 1e-7F;
      diagonal_[n] = weight[n] + least;
      open_[n] = seeds[n] == Seed::open ? 1.F : 0.F;
    }
    for (int axis = 0; axis < 3; ++axis) {
      const Field& edge = edges_[static_cast<std::size_t>(axis)];
      const std::size_t stride = strides[static_cast<std::size_t>(axis)];
      for (std::size_t n = 0; n < edge.count(); ++n) {
        diagonal_[n] += edge[n];
        if (n + stride < edge.count()) diagonal_[n + stride] += edge[n];
      }
    }
  }

  Field solve(const Field& prior, const Field& weight, Field x, const WalkerLimits& limits, const RunControl& control) {
    Field residual(size_), direction(size_), applied(size_);
    const auto planes = [&](auto&& body) {
      return sum_planes(size_[0], pool_, [&](std::int64_t i) {
        const std::size_t area = static_cast<std::size_t>(size_[1] * size_[2]), n = static_cast<std::size_t>(i) * area;
        return body(Plane{area, &diagonal_[n], &open_[n], &x[n], &residual[n], &direction[n], &applied[n]});
      });
    };
    apply(x, applied);
    double now = 0, scale = 0;
    for (std::size_t n = 0; n < x.count(); ++n) {
      residual[n] = open_[n] * (weight[n] * prior[n] - applied[n]);
      direction[n] = residual[n] / diagonal_[n];
      now += double{residual[n]} * direction[n];
      scale += double{open_[n]} * diagonal_[n];
    }
    for (int turns = 0; turns < limits.iterations && now > limits.tolerance * limits.tolerance * scale; ++turns) {
      control.check();
      const double curvature = apply(direction, applied);
      if (!(curvature > 0)) break;
      const auto step = static_cast<float>(now / curvature);
      const double next = planes([&](const Plane& plane) { return step_along(plane, step); });
      const auto keep = static_cast<float>(next / now);
      now = next;
      planes([&](const Plane& plane) {
        turn(plane, keep);
        return 0.0;
      });
    }
    return x;
  }

 private:
  /// out = the matrix times x; returns the sum of open * x * out.
  double apply(const Field& x, Field& out) {
    const auto strides = x.strides();
    const std::size_t area = strides[0], count = x.count();
    return sum_planes(size_[0], pool_, [&](std::int64_t i) {
      const std::size_t first = static_cast<std::size_t>(i) * area, last = first + area;
      multiply(area, &diagonal_.values[first], &x.values[first], &out[first]);
      for (std::size_t axis = 0; axis < 3; ++axis) {
        const float *edge = edges_[axis].values.data(), *from = x.values.data();
        const std::size_t stride = strides[axis], up = std::min(last, count - std::min(count, stride));
        if (up > first) subtract_products(up - first, edge + first, from + first + stride, &out[first]);
        const std::size_t low = std::max(first, stride);
        if (last > low) subtract_products(last - low, edge + low - stride, from + low - stride, &out[low]);
      }
      return sum_products(area, &open_.values[first], &x.values[first], &out.values[first]);
    });
  }

  const Conductance& edges_;
  ThreadPool& pool_;
  Index3 size_;
  Field diagonal_;
  Field open_;
};

}  // namespace

Conductance conductance(const Field& image, const std::array<float, 3>& steepness, float least, ThreadPool& pool) {
  Conductance out;
  const auto strides = image.strides();
  const auto along = [&](std::size_t axis) {
    Field& edge = out[axis];
    edge = Field(image.size);
    for_each_line(image.size, static_cast<int>(axis), [&](std::size_t first, std::size_t, std::size_t length) {
      for (std::size_t n = 0; n + 1 < length; ++n) {
        const std::size_t here = first + n * strides[axis];
        const float difference = image[here + strides[axis]] - image[here];
        edge[here] = std::exp(-steepness[axis] * difference * difference) + least;
      }
    });
  };
  pool.parallel_for(3, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t axis = begin; axis < end; ++axis) along(static_cast<std::size_t>(axis));
  });
  return out;
}

Field walk(const Conductance& conductance, const std::vector<Seed>& seeds, const Field& prior, const Field& weight,
           Field start, const WalkerLimits& limits, ThreadPool& pool, const RunControl& control) {
  for (std::size_t n = 0; n < start.count(); ++n) {
    if (seeds[n] != Seed::open) start[n] = seeds[n] == Seed::object ? 1.F : 0.F;
  }
  Walker walker(conductance, seeds, weight, pool);
  return walker.solve(prior, weight, std::move(start), limits, control);
}

}  // namespace sagittal::interact
