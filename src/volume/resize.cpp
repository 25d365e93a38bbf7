#include "volume/resize.h"

#include <algorithm>
#include <cmath>

#include "base/half.h"

namespace sagittal {
namespace {

constexpr std::int64_t kPadding = 12;
constexpr std::int64_t kLanes = 32;  // lines that are computed side by side

/// Where output o lies among the samples of the input.
double position(std::int64_t o, std::int64_t in, std::int64_t out, Alignment alignment) {
  if (in == out) return static_cast<double>(o);
  if (alignment == Alignment::corners) {
    return out == 1 ? 0 : static_cast<double>(o) * (static_cast<double>(in - 1) / static_cast<double>(out - 1));
  }
  return (static_cast<double>(o) + 0.5) * (static_cast<double>(in) / static_cast<double>(out)) - 0.5;
}

/// kLanes lines as rows of doubles: element n of line l is at [n * kLanes + l].
using Panel = std::vector<double>;

/// Turns samples into the coefficients of the cubic B-spline through them, mirrored at half samples beyond both ends.
void to_spline_coefficients(Panel& rows, std::int64_t count) {
  const double pole = std::sqrt(3.0) - 2;
  constexpr double gain = 6;  // (1 - pole) (1 - 1 / pole)
  double* c = rows.data();
  for (std::int64_t i = 0; i < count * kLanes; ++i) c[i] *= gain;
  // The causal filter starts with the sum over the mirrored past: x[-k] = x[k - 1], so far as double sees it.
  constexpr std::int64_t horizon = 40;
  std::array<double, kLanes> start{};
  double power = pole;
  for (std::int64_t k = 1; k <= horizon; ++k, power *= pole) {
    const std::int64_t folded = (k - 1) % (2 * count);
    const double* row = c + (folded < count ? folded : 2 * count - 1 - folded) * kLanes;
    for (std::int64_t l = 0; l < kLanes; ++l) start[static_cast<std::size_t>(l)] += power * row[l];
  }
  for (std::int64_t l = 0; l < kLanes; ++l) c[l] += start[static_cast<std::size_t>(l)];
  for (std::int64_t n = 1; n < count; ++n) {
    for (std::int64_t l = 0; l < kLanes; ++l) c[n * kLanes + l] += pole * c[(n - 1) * kLanes + l];
  }
  for (std::int64_t l = 0; l < kLanes; ++l) c[(count - 1) * kLanes + l] *= pole / (pole - 1);
  for (std::int64_t n = count - 2; n >= 0; --n) {
    for (std::int64_t l = 0; l < kLanes; ++l) {
      c[n * kLanes + l] = pole * (c[(n + 1) * kLanes + l] - c[n * kLanes + l]);
    }
  }
}

/// What each output of an axis is made of.
struct AxisPlan {
  struct Taps {
    std::array<std::int64_t, 4> index{};
    std::array<double, 4> weight{};
  };
  std::int64_t in = 0, out = 0;
  std::int64_t padding = 0;  // samples added at each end
  std::size_t count = 0;     // taps in use
  std::vector<Taps> taps;
};

AxisPlan::Taps cubic_taps(double x) {
  const double whole = std::floor(x), t = x - whole;
  const auto first = static_cast<std::int64_t>(whole) + kPadding - 1;
  const double u = 1 - t;
  return {{first, first + 1, first + 2, first + 3},
          {u * u * u / 6, (4 - 6 * t * t + 3 * t * t * t) / 6, (4 - 6 * u * u + 3 * u * u * u) / 6, t * t * t / 6}};
}

AxisPlan plan_axis(std::int64_t in, std::int64_t out, Interpolation interpolation, Alignment alignment) {
  AxisPlan plan{in, out, 0, 2, {}};
  if (interpolation == Interpolation::cubic) {
    plan.padding = kPadding;
    plan.count = 4;
    for (std::int64_t o = 0; o < out; ++o) plan.taps.push_back(cubic_taps(position(o, in, out, alignment)));
    return plan;
  }
  for (const SamplePair& pair : sample_pairs(in, out, interpolation, alignment)) {
    plan.taps.push_back({{pair.index0, pair.index1, 0, 0}, {pair.weight0, pair.weight1, 0, 0}});
  }
  return plan;
}

/// Lines to take through a plan.
struct Lines {
  const float* in;
  float* out;
  std::int64_t in_pitch, out_pitch;  // between elements
  std::int64_t in_line, out_line;    // between lines
  std::int64_t lanes;                // at most kLanes
};

void resample_lines(const AxisPlan& plan, const Lines& lines, Panel& panel) {
  const std::int64_t rows = plan.in + 2 * plan.padding;
  panel.assign(static_cast<std::size_t>(rows * kLanes), 0.0);
  for (std::int64_t n = 0; n < rows; ++n) {
    const std::int64_t source = std::clamp<std::int64_t>(n - plan.padding, 0, plan.in - 1);
    for (std::int64_t l = 0; l < lines.lanes; ++l) {
      panel[static_cast<std::size_t>(n * kLanes + l)] =
          static_cast<double>(lines.in[source * lines.in_pitch + l * lines.in_line]);
    }
  }
  if (plan.padding > 0) to_spline_coefficients(panel, rows);
  for (std::int64_t o = 0; o < plan.out; ++o) {
    const AxisPlan::Taps& taps = plan.taps[static_cast<std::size_t>(o)];
    std::array<double, kLanes> sum{};
    for (std::size_t tap = 0; tap < plan.count; ++tap) {
      const double weight = taps.weight[tap];
      const double* row = panel.data() + taps.index[tap] * kLanes;
      for (std::int64_t l = 0; l < kLanes; ++l) sum[static_cast<std::size_t>(l)] += weight * row[l];
    }
    for (std::int64_t l = 0; l < lines.lanes; ++l) {
      lines.out[o * lines.out_pitch + l * lines.out_line] = static_cast<float>(sum[static_cast<std::size_t>(l)]);
    }
  }
}

Array3<float> resize_axis(const Array3<float>& in, std::size_t axis, const AxisPlan& plan, ThreadPool& pool) {
  const Index3& from = in.shape();
  const std::int64_t extent = plan.out;
  Index3 to = from;
  to[axis] = extent;
  Array3<float> out(to);
  std::int64_t outer = 1, inner = 1;
  for (std::size_t a = 0; a < axis; ++a) outer *= from[a];
  for (std::size_t a = axis + 1; a < 3; ++a) inner *= from[a];
  // Neighbouring lines share cache lines: along the last axis they are rows, else they lie side by side.
  const bool rows = inner == 1;
  const std::int64_t across = rows ? outer : inner;
  const std::int64_t blocks = (across + kLanes - 1) / kLanes;
  pool.parallel_for(rows ? blocks : outer * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    Panel panel;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t block = i % blocks * kLanes, slab = i / blocks;
      const std::int64_t lanes = std::min(kLanes, across - block);
      const float* source = in.values().data() + (rows ? block * from[axis] : slab * from[axis] * inner + block);
      float* target = out.values().data() + (rows ? block * extent : slab * extent * inner + block);
      resample_lines(plan, {source, target, inner, inner, rows ? from[axis] : 1, rows ? extent : 1, lanes}, panel);
    }
  });
  return out;
}

/// The axes that change, those that shrink most first.
std::vector<std::size_t> order_of_axes(const Index3& from, const Index3& to) {
  std::vector<std::size_t> axes;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    if (from[axis] != to[axis]) axes.push_back(axis);
  }
  const auto growth = [&](std::size_t a) { return static_cast<double>(to[a]) / static_cast<double>(from[a]); };
  std::stable_sort(axes.begin(), axes.end(), [&](std::size_t a, std::size_t b) { return growth(a) < growth(b); });
  return axes;
}

/// Shares of up to eight neighbours, by label.
struct Shares {
  std::array<std::uint16_t, 8> label{};
  std::array<double, 8> share{};
  std::size_t count = 0;

  void add(std::uint16_t value, double weight) {
    for (std::size_t n = 0; n < count; ++n) {
      if (label[n] == value) {
        share[n] += weight;
        return;
      }
    }
    label[count] = value;
    share[count++] = weight;
  }
  std::uint16_t chosen(LabelRule rule) const {
    return rule == LabelRule::at_least_half ? largest_with_half() : with_largest_share();
  }

 private:
  std::uint16_t with_largest_share() const {
    std::size_t best = 0;
    for (std::size_t n = 1; n < count; ++n) {
      const Half mine = to_half(static_cast<float>(share[n])), most = to_half(static_cast<float>(share[best]));
      if (mine > most || (mine == most && label[n] < label[best])) best = n;
    }
    return label[best];
  }
  std::uint16_t largest_with_half() const {
    std::uint16_t best = 0;
    for (std::size_t n = 0; n < count; ++n) {
      if (share[n] >= 0.5) best = std::max(best, label[n]);
    }
    return best;
  }
};

}  // namespace

std::vector<SamplePair> sample_pairs(std::int64_t in, std::int64_t out, Interpolation interpolation,
                                     Alignment alignment) {
  std::vector<SamplePair> pairs;
  pairs.reserve(static_cast<std::size_t>(out));
  const auto clamped = [in](double x) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(x)), 0, in - 1);
  };
  for (std::int64_t o = 0; o < out; ++o) {
    const double x = position(o, in, out, alignment);
    if (interpolation == Interpolation::nearest) {
      const std::int64_t index = clamped(x + 0.5);
      pairs.push_back({index, index, 1, 0});
    } else {
      const double t = x - std::floor(x);
      pairs.push_back({clamped(x), clamped(x + 1), 1 - t, t});
    }
  }
  return pairs;
}

Array3<float> resize(Array3<float> in, const Index3& shape, const std::array<Interpolation, 3>& interpolation,
                     ThreadPool& pool, Alignment alignment) {
  for (const std::size_t axis : order_of_axes(in.shape(), shape)) {
    in = resize_axis(in, axis, plan_axis(in.shape()[axis], shape[axis], interpolation[axis], alignment), pool);
  }
  return in;
}

Array3<std::uint16_t> resize_labels(const Array3<std::uint16_t>& in, const Index3& shape, int nearest_axis,
                                    LabelRule rule, ThreadPool& pool) {
  std::array<std::vector<SamplePair>, 3> pairs;
  for (int axis = 0; axis < 3; ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    pairs[a] =
        sample_pairs(in.shape()[a], shape[a], axis == nearest_axis ? Interpolation::nearest : Interpolation::linear);
  }
  Array3<std::uint16_t> out(shape);
  pool.parallel_for(shape[0] * shape[1], 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const SamplePair& p0 = pairs[0][static_cast<std::size_t>(line / shape[1])];
      const SamplePair& p1 = pairs[1][static_cast<std::size_t>(line % shape[1])];
      const std::array rows{in.row(p0.index0, p1.index0), in.row(p0.index0, p1.index1), in.row(p0.index1, p1.index0),
                            in.row(p0.index1, p1.index1)};
      const std::array weights{p0.weight0 * p1.weight0, p0.weight0 * p1.weight1, p0.weight1 * p1.weight0,
                               p0.weight1 * p1.weight1};
      std::uint16_t* to = out.values().data() + line * shape[2];
      for (std::int64_t o = 0; o < shape[2]; ++o) {
        const SamplePair& p2 = pairs[2][static_cast<std::size_t>(o)];
        Shares shares;
        for (std::size_t n = 0; n < rows.size(); ++n) {
          shares.add(rows[n][p2.index0], weights[n] * p2.weight0);
          shares.add(rows[n][p2.index1], weights[n] * p2.weight1);
        }
        to[o] = shares.chosen(rule);
      }
    }
  });
  return out;
}

}  // namespace sagittal
