#include "interact/normalise.h"

#include <cmath>
#include <vector>

#include "base/error.h"

namespace sagittal::interact {
namespace {

/// Planes of axis 0 that are summed in one go; fixed, so that sums do not depend on the threads.
constexpr std::int64_t kSlab = 8;

std::int64_t slab_count(const Index3& shape) { return (shape[0] + kSlab - 1) / kSlab; }

/// Sums of the voxels over the two other axes.
struct Projections {
  std::array<std::vector<double>, 3> sums;
};

Projections project_slab(const Index3& shape, std::span<const float> voxels, std::int64_t slab) {
  Projections out;
  for (int axis = 0; axis < 3; ++axis) out.sums[axis].assign(static_cast<std::size_t>(shape[axis]), 0.0);
  const std::int64_t end = std::min(shape[0], (slab + 1) * kSlab);
  double* along = out.sums[2].data();
  for (std::int64_t i = slab * kSlab; i < end; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      const float* row = voxels.data() + (i * shape[1] + j) * shape[2];
      for (std::int64_t k = 0; k < shape[2]; ++k) along[k] += static_cast<double>(row[k]);
      std::array<double, 4> lanes{};
      std::int64_t k = 0;
      for (; k + 4 <= shape[2]; k += 4) {
        for (std::int64_t lane = 0; lane < 4; ++lane) lanes[lane] += static_cast<double>(row[k + lane]);
      }
      for (; k < shape[2]; ++k) lanes[0] += static_cast<double>(row[k]);
      const double sum = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
      out.sums[0][static_cast<std::size_t>(i)] += sum;
      out.sums[1][static_cast<std::size_t>(j)] += sum;
    }
  }
  return out;
}

Projections project(const Index3& shape, std::span<const float> voxels, ThreadPool& pool) {
  std::vector<Projections> parts(static_cast<std::size_t>(slab_count(shape)));
  pool.parallel_for(slab_count(shape), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t slab = begin; slab < end; ++slab) {
      parts[static_cast<std::size_t>(slab)] = project_slab(shape, voxels, slab);
    }
  });
  Projections total = parts[0];
  for (std::size_t part = 1; part < parts.size(); ++part) {
    for (int axis = 0; axis < 3; ++axis) {
      for (std::size_t n = 0; n < total.sums[axis].size(); ++n) total.sums[axis][n] += parts[part].sums[axis][n];
    }
  }
  return total;
}

/// Where the projections are not zero; empty where all are.
Box occupied(const Projections& projections) {
  Box box;
  for (int axis = 0; axis < 3; ++axis) {
    const auto& sums = projections.sums[axis];
    const auto first = std::find_if(sums.begin(), sums.end(), [](double s) { return s != 0; });
    const auto last = std::find_if(sums.rbegin(), sums.rend(), [](double s) { return s != 0; });
    box.lo[axis] = first - sums.begin();
    box.hi[axis] = sums.rend() - last;
  }
  return box;
}

/// Sum of (x - shift) ^ power, power 1 or 2, over the rows of `box`.
template <int power>
double sum_over(const Index3& shape, std::span<const float> voxels, const Box& box, double shift, ThreadPool& pool) {
  std::vector<double> planes(static_cast<std::size_t>(box.hi[0] - box.lo[0]));
  pool.parallel_for(static_cast<std::int64_t>(planes.size()), kSlab, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      std::array<double, 4> lanes{};
      for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) {
        const float* row = voxels.data() + ((box.lo[0] + plane) * shape[1] + j) * shape[2];
        const auto term = [&](std::int64_t k) {
          const double centred = static_cast<double>(row[k]) - shift;
          return power == 1 ? centred : centred * centred;
        };
        std::int64_t k = box.lo[2];
        for (; k + 4 <= box.hi[2]; k += 4) {
          for (std::int64_t lane = 0; lane < 4; ++lane) lanes[lane] += term(k + lane);
        }
        for (; k < box.hi[2]; ++k) lanes[0] += term(k);
      }
      planes[static_cast<std::size_t>(plane)] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    }
  });
  double total = 0;
  for (const double plane : planes) total += plane;
  return total;
}

[[noreturn]] void refuse(const char* why) { throw Error(ErrorCode::bad_input, std::string("image: ") + why); }

struct Statistics {
  float centre = 0;
  float deviation = 1;
};

Statistics measure(const Index3& shape, std::span<const float> voxels, ThreadPool& pool) {
  const Projections projections = project(shape, voxels, pool);
  double total = 0;
  for (const double sum : projections.sums[0]) total += sum;
  if (!std::isfinite(total)) refuse("holds values that are not finite; replace them before segmenting");
  const Box box = occupied(projections);
  if (box.empty()) refuse("is entirely zero; cannot determine normalization statistics");

  const auto count = static_cast<double>(box.volume());
  const double mean = sum_over<1>(shape, voxels, box, 0.0, pool) / count;
  const double variance = sum_over<2>(shape, voxels, box, mean, pool) / (count - 1);
  const auto deviation = static_cast<float>(std::sqrt(variance));
  if (!(deviation > 0)) refuse("is constant; there is nothing to segment");
  return {static_cast<float>(mean), deviation};
}

/// `source` and `target` may be the same memory.
void apply(const Statistics& statistics, std::span<const float> source, float* target, ThreadPool& pool) {
  constexpr std::int64_t grain = 1 << 18;
  pool.parallel_for(static_cast<std::int64_t>(source.size()), grain, [&](std::int64_t begin, std::int64_t end) {
    const auto [centre, deviation] = statistics;
    for (std::int64_t v = begin; v < end; ++v) target[v] = (source[static_cast<std::size_t>(v)] - centre) / deviation;
  });
}

}  // namespace

Buffer normalise(const Index3& shape, std::span<const float> voxels, ThreadPool& pool) {
  const Statistics statistics = measure(shape, voxels, pool);
  Buffer out(voxels.size_bytes());
  apply(statistics, voxels, out.as<float>().data(), pool);
  return out;
}

void normalise_in_place(const Index3& shape, std::span<float> voxels, ThreadPool& pool) {
  apply(measure(shape, voxels, pool), voxels, voxels.data(), pool);
}

}  // namespace sagittal::interact
