#include "interact/random_walker.h"

#include <cmath>

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
    apply(x, applied);
    double scale = 0;
    double now = planes([&](std::size_t n) {
      residual[n] = open_[n] * (weight[n] * prior[n] - applied[n]);
      direction[n] = residual[n] / diagonal_[n];
      return double{residual[n]} * direction[n];
    });
    scale = planes([&](std::size_t n) { return double{open_[n]} * diagonal_[n]; });
    for (int turn = 0; turn < limits.iterations && now > limits.tolerance * limits.tolerance * scale; ++turn) {
      control.check();
      const double curvature = apply(direction, applied);
      if (!(curvature > 0)) break;
      const auto step = static_cast<float>(now / curvature);
      const double next = planes([&](std::size_t n) {
        x[n] += step * direction[n];
        residual[n] -= step * open_[n] * applied[n];
        return double{residual[n]} * residual[n] / diagonal_[n];
      });
      const auto keep = static_cast<float>(next / now);
      now = next;
      planes([&](std::size_t n) {
        direction[n] = residual[n] / diagonal_[n] + keep * direction[n];
        return 0.0;
      });
    }
    return x;
  }

 private:
  template <class Body>
  double planes(Body&& body) {
    const auto area = static_cast<std::size_t>(size_[1] * size_[2]);
    return sum_planes(size_[0], pool_, [&](std::int64_t i) {
      double total = 0;
      const std::size_t first = static_cast<std::size_t>(i) * area;
      for (std::size_t n = first; n < first + area; ++n) total += body(n);
      return total;
    });
  }

  /// out = the matrix times x; returns the sum of open * x * out.
  double apply(const Field& x, Field& out) {
    const auto strides = x.strides();
    const std::size_t area = strides[0], row = strides[1], count = x.count();
    return sum_planes(size_[0], pool_, [&](std::int64_t i) {
      const std::size_t first = static_cast<std::size_t>(i) * area, last = first + area;
      for (std::size_t n = first; n < last; ++n) out[n] = diagonal_[n] * x[n];
      add_axis(x, out, first, last, area, count, edges_[0]);
      add_axis(x, out, first, last, row, count, edges_[1]);
      add_axis(x, out, first, last, 1, count, edges_[2]);
      double total = 0;
      for (std::size_t n = first; n < last; ++n) total += double{open_[n]} * x[n] * out[n];
      return total;
    });
  }

  static void add_axis(const Field& x, Field& out, std::size_t first, std::size_t last, std::size_t stride,
                       std::size_t count, const Field& edge) {
    const std::size_t up = std::min(last, count - std::min(count, stride));
    for (std::size_t n = first; n < up; ++n) out[n] -= edge[n] * x[n + stride];
    for (std::size_t n = std::max(first, stride); n < last; ++n) out[n] -= edge[n - stride] * x[n - stride];
  }

  const Conductance& edges_;
  ThreadPool& pool_;
  Index3 size_;
  Field diagonal_;
  Field open_;
};

}  // namespace

Conductance conductance(const Field& image, const std::array<float, 3>& steepness, float least) {
  Conductance out;
  const auto strides = image.strides();
  for (std::size_t axis = 0; axis < 3; ++axis) {
    Field& edge = out[axis];
    edge = Field(image.size);
    for_each_line(image.size, static_cast<int>(axis), [&](std::size_t first, std::size_t, std::size_t length) {
      for (std::size_t n = 0; n + 1 < length; ++n) {
        const std::size_t here = first + n * strides[axis];
        const float difference = image[here + strides[axis]] - image[here];
        edge[here] = std::exp(-steepness[axis] * difference * difference) + least;
      }
    });
  }
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
