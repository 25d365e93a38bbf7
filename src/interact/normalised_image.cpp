#include "interact/normalised_image.h"

#include <cmath>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::interact {
namespace {

template <class T>
Values<T> row_of(Values<T> voxels, const Index3& shape, std::int64_t i, std::int64_t j) {
  return {voxels.bytes + (i * shape[1] + j) * shape[2] * static_cast<std::int64_t>(sizeof(T))};
}

/// Planes of axis 0 that are summed in one go; fixed, so that sums do not depend on the threads.
constexpr std::int64_t kSlab = 8;

std::int64_t slab_count(const Index3& shape) { return (shape[0] + kSlab - 1) / kSlab; }

/// Sums of the voxels over the two other axes, and of their squares where they are integers.
struct Projections {
  std::array<std::vector<double>, 3> sums;
  long double squares = 0;

  explicit Projections(const Index3& shape) {
    for (int axis = 0; axis < 3; ++axis) sums[axis].assign(static_cast<std::size_t>(shape[axis]), 0.0);
  }
  void add_row(std::int64_t i, std::int64_t j, double sum) {
    sums[0][static_cast<std::size_t>(i)] += sum;
    sums[1][static_cast<std::size_t>(j)] += sum;
  }
};

/// Exact sums of integers of at most 16 bits: this many of them fit the 32-bit sums that processors are fast at.
constexpr std::int64_t kExact = 1 << 14;

/// Adds `count` <= kExact values to the sums along the last axis and returns their own sum.
template <class T>
std::int32_t add_values(Values<T> row, std::int64_t count, std::int32_t* along) {
  std::int32_t sum = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const std::int32_t value = row[k];
    sum += value;
    along[k] += value;
  }
  return sum;
}
template <class T>
std::uint64_t sum_squares(Values<T> row, std::int64_t count) {
  std::uint64_t sum = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const auto magnitude = static_cast<std::uint32_t>(std::int32_t{row[k]});
    sum += magnitude * magnitude;  // modulo 2^32, where it fits: the sign does not matter
  }
  return sum;
}

template <class T>
Projections project_integers(const Index3& shape, Values<T> voxels, std::int64_t slab) {
  Projections out(shape);
  std::vector<std::int32_t> along(static_cast<std::size_t>(shape[2]));
  std::int64_t rows = 0;
  const auto flush = [&] {
    for (std::size_t k = 0; k < along.size(); ++k) out.sums[2][k] += along[k];
    std::fill(along.begin(), along.end(), 0);
    rows = 0;
  };
  const std::int64_t end = std::min(shape[0], (slab + 1) * kSlab);
  for (std::int64_t i = slab * kSlab; i < end; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      const Values<T> row = row_of(voxels, shape, i, j);
      double sum = 0;
      for (std::int64_t k = 0; k < shape[2]; k += kExact) {
        const Values<T> part{row.bytes + k * static_cast<std::int64_t>(sizeof(T))};
        const std::int64_t count = std::min(kExact, shape[2] - k);
        sum += add_values(part, count, along.data() + k);
        out.squares += static_cast<long double>(sum_squares(part, count));
      }
      out.add_row(i, j, sum);
      if (++rows == kExact) flush();
    }
  }
  flush();
  return out;
}

template <class T>
Projections project_slab(const Index3& shape, Values<T> voxels, std::int64_t slab) {
  if constexpr (std::is_integral_v<T>) return project_integers(shape, voxels, slab);
  Projections out(shape);
  const std::int64_t end = std::min(shape[0], (slab + 1) * kSlab);
  double* along = out.sums[2].data();
  for (std::int64_t i = slab * kSlab; i < end; ++i) {
    for (std::int64_t j = 0; j < shape[1]; ++j) {
      const Values<T> row = row_of(voxels, shape, i, j);
      for (std::int64_t k = 0; k < shape[2]; ++k) along[k] += static_cast<double>(row[k]);
      std::array<double, 4> lanes{};
      std::int64_t k = 0;
      for (; k + 4 <= shape[2]; k += 4) {
        for (std::int64_t lane = 0; lane < 4; ++lane) lanes[lane] += static_cast<double>(row[k + lane]);
      }
      for (; k < shape[2]; ++k) lanes[0] += static_cast<double>(row[k]);
      out.add_row(i, j, (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]));
    }
  }
  return out;
}

template <class T>
Projections project(const Index3& shape, Values<T> voxels, ThreadPool& pool) {
  std::vector<Projections> parts(static_cast<std::size_t>(slab_count(shape)), Projections({0, 0, 0}));
  pool.parallel_for(slab_count(shape), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t slab = begin; slab < end; ++slab) {
      parts[static_cast<std::size_t>(slab)] = project_slab(shape, voxels, slab);
    }
  });
  Projections total = parts[0];
  for (std::size_t part = 1; part < parts.size(); ++part) {
    total.squares += parts[part].squares;
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
template <int power, class T>
double sum_over(const Index3& shape, Values<T> voxels, const Box& box, double shift, ThreadPool& pool) {
  std::vector<double> planes(static_cast<std::size_t>(box.hi[0] - box.lo[0]));
  pool.parallel_for(static_cast<std::int64_t>(planes.size()), kSlab, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      std::array<double, 4> lanes{};
      for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) {
        const Values<T> row = row_of(voxels, shape, box.lo[0] + plane, j);
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

/// Sums of blocks of voxels along axis 2 over any number of rows: exact where the voxels are integers.
template <class T>
class BlockSums {
 public:
  BlockSums(std::int64_t length, std::int64_t step, std::int64_t blocks)
      : step_(step), along_(static_cast<std::size_t>(length)), sums_(static_cast<std::size_t>(blocks)) {}

  void add(Values<T> row) {
    Sum* along = along_.data();
    const auto length = static_cast<std::int64_t>(along_.size());
    for (std::int64_t k = 0; k < length; ++k) along[k] += static_cast<Sum>(row[k]);
    if (++rows_ == kExact) flush();
  }

  /// The sums since the last call, one for each block.
  std::vector<double> take() {
    flush();
    return std::exchange(sums_, std::vector<double>(sums_.size()));
  }

 private:
  using Sum = std::conditional_t<std::is_integral_v<T>, std::int32_t, double>;

  void flush() {
    const auto length = static_cast<std::int64_t>(along_.size());
    for (std::size_t block = 0; block < sums_.size(); ++block) {
      const std::int64_t first = static_cast<std::int64_t>(block) * step_;
      for (std::int64_t k = first; k < std::min(first + step_, length); ++k) {
        sums_[block] += static_cast<double>(along_[static_cast<std::size_t>(k)]);
      }
    }
    std::fill(along_.begin(), along_.end(), Sum{});
    rows_ = 0;
  }

  std::int64_t step_, rows_ = 0;
  std::vector<Sum> along_;
  std::vector<double> sums_;
};

[[noreturn]] void refuse(const std::string& why) { throw Error(ErrorCode::bad_input, "image: " + why); }

struct Statistics {
  float centre = 0;
  float deviation = 1;
};

template <class T>
Statistics measure(const Index3& shape, Values<T> voxels, ThreadPool& pool) {
  const Projections projections = project(shape, voxels, pool);
  double total = 0;
  for (const double sum : projections.sums[0]) total += sum;
  if (!std::isfinite(total)) refuse("holds values that are not finite; replace them before segmenting");
  const Box box = occupied(projections);
  if (box.empty()) refuse("is entirely zero; cannot determine normalization statistics");

  const auto count = static_cast<double>(box.volume());
  const bool all = box == whole(shape);
  const double mean = (all ? total : sum_over<1>(shape, voxels, box, 0.0, pool)) / count;
  const long double exact = total;  // sums of small integers are exact, so their difference is
  const double squares = all && std::is_integral_v<T> ? static_cast<double>(projections.squares - exact * exact / count)
                                                      : sum_over<2>(shape, voxels, box, mean, pool);
  const double variance = squares / (count - 1);
  const auto deviation = static_cast<float>(std::sqrt(variance));
  if (!(deviation > 0)) refuse("is constant; there is nothing to segment");
  return {static_cast<float>(mean), deviation};
}

bool is_kept(ScalarType type) { return size_of(type) <= 2 || type == ScalarType::f32; }

StoredVoxels to_float32(const StoredVoxels& voxels, ThreadPool& pool) {
  constexpr std::int64_t grain = 1 << 18;
  Buffer floats(static_cast<std::size_t>(voxels.count()) * sizeof(float));
  float* out = floats.as<float>().data();
  visit_values(voxels.type, voxels.bytes.data(), [&](auto values) {
    pool.parallel_for(voxels.count(), grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t v = begin; v < end; ++v) out[v] = static_cast<float>(values[v]);
    });
  });
  return store(ScalarType::f32, std::move(floats));
}

/// Calls `f(Values<T>)` for the types that are kept.
template <class F>
void visit_kept(ScalarType type, const std::uint8_t* bytes, F&& f) {
  visit_values(type, bytes, [&](auto values) {
    if constexpr (sizeof(values[0]) <= 2 || std::is_same_v<decltype(values[0]), float>) f(values);
  });
}

void check_size(const Index3& shape, std::int64_t voxels) {
  for (const std::int64_t size : shape) {
    if (size < 1 || size > kMaxVoxels) refuse(fmt::format("bad shape {}", describe_shape(shape)));
  }
  const std::uint64_t plane = checked_product(shape[1], shape[2], "image");
  if (const std::uint64_t count = checked_product(shape[0], plane, "image");
      count != static_cast<std::uint64_t>(voxels)) {
    refuse(fmt::format("shape {} needs {} voxels, found {}", describe_shape(shape), count, voxels));
  }
}

}  // namespace

std::uint64_t image_bytes(ScalarType type, std::int64_t voxels) {
  return static_cast<std::uint64_t>(voxels) * (is_kept(type) ? size_of(type) : sizeof(float));
}

NormalisedImage::NormalisedImage(const Index3& shape, StoredVoxels voxels, ThreadPool& pool) : shape_(shape) {
  check_size(shape, voxels.count());
  if (!is_kept(voxels.type)) voxels = to_float32(voxels, pool);
  visit_kept(voxels.type, voxels.bytes.data(), [&](auto values) {
    const Statistics statistics = measure(shape, values, pool);
    centre_ = statistics.centre;
    deviation_ = statistics.deviation;
  });
  voxels_ = std::move(voxels);
}

void NormalisedImage::read(const Index3& first, std::int64_t count, float* out) const {
  visit_kept(voxels_.type, voxels_.bytes.data(), [&](auto values) {
    auto row = row_of(values, shape_, first[0], first[1]);
    row.bytes += first[2] * static_cast<std::int64_t>(sizeof(row[0]));
    const float centre = centre_, deviation = deviation_;  // out may not alias them: one loop of vectors
    for (std::int64_t n = 0; n < count; ++n) out[n] = (static_cast<float>(row[n]) - centre) / deviation;
  });
}

void NormalisedImage::read_means(const Box& box, const Index3& step, ThreadPool& pool, std::span<float> out) const {
  Index3 blocks;
  for (int axis = 0; axis < 3; ++axis) blocks[axis] = (box.hi[axis] - box.lo[axis] + step[axis] - 1) / step[axis];
  const auto within = [&](int axis, std::int64_t block) {
    const std::int64_t first = box.lo[axis] + block * step[axis];
    return std::pair(first, std::min(first + step[axis], box.hi[axis]));
  };
  visit_kept(voxels_.type, voxels_.bytes.data(), [&](auto values) {
    using T = typename decltype(values)::Type;
    pool.parallel_for(blocks[0], 1, [&](std::int64_t begin, std::int64_t end) {
      BlockSums<T> sums(box.hi[2] - box.lo[2], step[2], blocks[2]);
      for (std::int64_t line = begin * blocks[1]; line < end * blocks[1]; ++line) {
        const auto [i0, i1] = within(0, line / blocks[1]);
        const auto [j0, j1] = within(1, line % blocks[1]);
        for (std::int64_t i = i0; i < i1; ++i) {
          for (std::int64_t j = j0; j < j1; ++j) {
            auto row = row_of(values, shape_, i, j);
            row.bytes += box.lo[2] * static_cast<std::int64_t>(sizeof(T));
            sums.add(row);
          }
        }
        const std::vector<double> sum = sums.take();
        for (std::int64_t block = 0; block < blocks[2]; ++block) {
          const auto [k0, k1] = within(2, block);
          const double mean =
              sum[static_cast<std::size_t>(block)] / static_cast<double>((i1 - i0) * (j1 - j0) * (k1 - k0));
          out[static_cast<std::size_t>(line * blocks[2] + block)] = static_cast<float>((mean - centre_) / deviation_);
        }
      }
    });
  });
}

}  // namespace sagittal::interact
