#include "server/dialects/painted.h"

#include <mutex>

#include "volume/stored_voxels.h"

namespace sagittal::server {
namespace {

template <class T>
bool is_paint(T value, Paint paint) {
  return paint == Paint::ones ? value == T{1} : value != T{0};
}

/// Bounds of the painted voxels, row by row.
template <class T>
Box painted_bounds(Values<T> values, const Index3& shape, Paint paint, ThreadPool& pool) {
  Box bounds{shape, {0, 0, 0}};
  std::mutex mutex;
  pool.parallel_for(shape[0], 1, [&](std::int64_t begin, std::int64_t end) {
    Box own{shape, {0, 0, 0}};
    for (std::int64_t row = begin * shape[1]; row < end * shape[1]; ++row) {
      const std::int64_t start = row * shape[2];
      std::int64_t count = 0;
      for (std::int64_t i = 0; i < shape[2]; ++i) count += is_paint(values[start + i], paint);
      if (count == 0) continue;
      std::int64_t first = 0, last = shape[2];
      while (!is_paint(values[start + first], paint)) ++first;
      while (!is_paint(values[start + last - 1], paint)) --last;
      const std::int64_t k = row / shape[1], j = row % shape[1];
      own = hull(own, {{k, j, first}, {k + 1, j + 1, last}});
    }
    const std::lock_guard lock(mutex);
    bounds = hull(bounds, own);
  });
  return bounds;
}

template <class T>
std::vector<std::uint8_t> crop_painted(Values<T> values, const Index3& shape, const Box& bounds, Paint paint) {
  std::vector<std::uint8_t> cropped;
  cropped.reserve(static_cast<std::size_t>(bounds.volume()));
  for (std::int64_t k = bounds.lo[0]; k < bounds.hi[0]; ++k) {
    for (std::int64_t j = bounds.lo[1]; j < bounds.hi[1]; ++j) {
      const std::int64_t row = (k * shape[1] + j) * shape[2];
      for (std::int64_t i = bounds.lo[2]; i < bounds.hi[2]; ++i) {
        cropped.push_back(is_paint(values[row + i], paint));
      }
    }
  }
  return cropped;
}

}  // namespace

Painted find_painted(ScalarType type, ByteView mask, const Index3& shape, Paint paint, ThreadPool& pool) {
  Painted painted;
  visit_values(type, mask.data(), [&](auto values) {
    painted.bounds = painted_bounds(values, shape, paint, pool);
    if (!painted.bounds.empty()) painted.voxels = crop_painted(values, shape, painted.bounds, paint);
  });
  return painted;
}

}  // namespace sagittal::server
