#include "server/dialects/slicer_v0_arrays.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "io/gzip.h"

namespace sagittal::server {
namespace {

constexpr std::int64_t kGrain = std::int64_t{1} << 20;
constexpr std::size_t kLargestScalar = 8;
constexpr std::size_t kNpyHeaderRoom = std::size_t{64} << 10;

/// Calls `f(std::span<const T>)` with the values in their own type.
template <class F>
void visit_values(const io::NpyArray& array, F&& f) {
  switch (array.type) {
    case ScalarType::u8:
      return f(array.data.as<std::uint8_t>());
    case ScalarType::i8:
      return f(array.data.as<std::int8_t>());
    case ScalarType::u16:
      return f(array.data.as<std::uint16_t>());
    case ScalarType::i16:
      return f(array.data.as<std::int16_t>());
    case ScalarType::u32:
      return f(array.data.as<std::uint32_t>());
    case ScalarType::i32:
      return f(array.data.as<std::int32_t>());
    case ScalarType::u64:
      return f(array.data.as<std::uint64_t>());
    case ScalarType::i64:
      return f(array.data.as<std::int64_t>());
    case ScalarType::f32:
      return f(array.data.as<float>());
    case ScalarType::f64:
      return f(array.data.as<double>());
  }
}

template <class T>
bool is_paint(T value, Paint paint) {
  return paint == Paint::ones ? value == T{1} : value != T{0};
}

/// Bounds of the painted voxels, row by row.
template <class T>
Box painted_bounds(std::span<const T> values, const Index3& shape, Paint paint, ThreadPool& pool) {
  Box bounds{shape, {0, 0, 0}};
  std::mutex mutex;
  pool.parallel_for(shape[0], 1, [&](std::int64_t begin, std::int64_t end) {
    Box own{shape, {0, 0, 0}};
    for (std::int64_t row = begin * shape[1]; row < end * shape[1]; ++row) {
      const auto line = values.subspan(static_cast<std::size_t>(row * shape[2]), static_cast<std::size_t>(shape[2]));
      std::size_t count = 0;
      for (const T value : line) count += is_paint(value, paint);
      if (count == 0) continue;
      const auto painted = [paint](T value) { return is_paint(value, paint); };
      const std::int64_t first = std::find_if(line.begin(), line.end(), painted) - line.begin();
      const std::int64_t last = line.rend() - std::find_if(line.rbegin(), line.rend(), painted);
      const Index3 at{row / shape[1], row % shape[1], first};
      own = hull(own, {at, {at[0] + 1, at[1] + 1, last}});
    }
    const std::lock_guard lock(mutex);
    bounds = hull(bounds, own);
  });
  return bounds;
}

template <class T>
std::vector<std::uint8_t> crop_painted(std::span<const T> values, const Index3& shape, const Box& bounds, Paint paint) {
  std::vector<std::uint8_t> cropped;
  cropped.reserve(static_cast<std::size_t>(bounds.volume()));
  for (std::int64_t k = bounds.lo[0]; k < bounds.hi[0]; ++k) {
    for (std::int64_t j = bounds.lo[1]; j < bounds.hi[1]; ++j) {
      const std::int64_t row = (k * shape[1] + j) * shape[2];
      for (std::int64_t i = bounds.lo[2]; i < bounds.hi[2]; ++i) {
        cropped.push_back(is_paint(values[static_cast<std::size_t>(row + i)], paint));
      }
    }
  }
  return cropped;
}

Index3 to_index3(const std::vector<std::int64_t>& shape) { return {shape[0], shape[1], shape[2]}; }

}  // namespace

Index3 image_shape(const io::NpyArray& array) {
  const auto& shape = array.shape;
  if (shape.size() == 4) {
    throw Error(
        ErrorCode::unsupported,
        fmt::format("the volume has {} values per voxel (its shape is {}), expected one; choose a scalar volume, or "
                    "make one with the module Vector to Scalar Volume",
                    shape[3], fmt::join(shape, " x ")));
  }
  if (shape.size() != 3) {
    throw Error(ErrorCode::unsupported, fmt::format("expected a volume with three axes, found {}", shape.size()));
  }
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
    throw Error(ErrorCode::bad_input, fmt::format("the volume is empty: its shape is {}", fmt::join(shape, " x ")));
  }
  return to_index3(shape);
}

std::vector<float> to_float(const io::NpyArray& array, ThreadPool& pool) {
  std::vector<float> floats;
  visit_values(array, [&](auto values) {
    floats.resize(values.size());
    pool.parallel_for(static_cast<std::int64_t>(values.size()), kGrain, [&](std::int64_t begin, std::int64_t end) {
      std::transform(values.begin() + begin, values.begin() + end, floats.begin() + begin,
                     [](auto value) { return static_cast<float>(value); });
    });
  });
  return floats;
}

io::NpyArray read_mask_file(ByteView compressed, const Index3& shape) {
  const auto voxels = static_cast<std::size_t>(whole(shape).volume());
  const Buffer file = io::gunzip(compressed, voxels * kLargestScalar + kNpyHeaderRoom, "mask");
  io::NpyArray mask = io::read_npy({reinterpret_cast<const std::uint8_t*>(file.data()), file.size()}, "mask");
  if (!std::equal(mask.shape.begin(), mask.shape.end(), shape.begin(), shape.end())) {
    throw Error(ErrorCode::bad_input, fmt::format("the mask's shape is {}, expected that of the image, {}",
                                                  fmt::join(mask.shape, " x "), fmt::join(shape, " x ")));
  }
  return mask;
}

Painted find_painted(const io::NpyArray& mask, Paint paint, ThreadPool& pool) {
  const Index3 shape = to_index3(mask.shape);
  Painted painted;
  visit_values(mask, [&](auto values) {
    painted.bounds = painted_bounds(values, shape, paint, pool);
    if (!painted.bounds.empty()) painted.voxels = crop_painted(values, shape, painted.bounds, paint);
  });
  return painted;
}

std::vector<std::uint8_t> to_whole_mask(const io::NpyArray& mask, ThreadPool& pool) {
  std::vector<std::uint8_t> whole_mask;
  visit_values(mask, [&](auto values) {
    whole_mask.resize(values.size());
    pool.parallel_for(static_cast<std::int64_t>(values.size()), kGrain, [&](std::int64_t begin, std::int64_t end) {
      std::transform(values.begin() + begin, values.begin() + end, whole_mask.begin() + begin,
                     [](auto value) { return static_cast<std::uint8_t>(is_paint(value, Paint::nonzero)); });
    });
  });
  return whole_mask;
}

std::array<double, 3> parse_coordinate(const Json& object, const char* key) {
  const auto values = json_get<std::vector<double>>(object, key, "request");
  if (values.size() != 3) {
    throw Error(ErrorCode::bad_input,
                fmt::format("\"{}\" has {} numbers, expected three: k, j, i", key, values.size()));
  }
  return {values[0], values[1], values[2]};
}

Box parse_box(const std::array<double, 3>& one, const std::array<double, 3>& other, const Index3& shape, bool flat) {
  Box box;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    const double low = std::floor(std::min(one[axis], other[axis]));
    const double high = std::ceil(std::max(one[axis], other[axis]));
    const auto size = static_cast<double>(shape[axis]);
    if (low > size || high < -1) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("the box from {} to {} lies outside the volume of {} voxels along axis {}", low, high,
                              shape[axis], "kji"[axis]));
    }
    box.lo[axis] = static_cast<std::int64_t>(std::clamp(low, 0.0, size - 1));
    box.hi[axis] = static_cast<std::int64_t>(std::clamp(high, 0.0, size - 1)) + 1;
  }
  if (!flat) return box;
  constexpr std::int64_t kMeantFlat = 3;
  const Index3 size = box.size();
  const auto thinnest = static_cast<std::size_t>(std::min_element(size.begin(), size.end()) - size.begin());
  if (size[thinnest] <= kMeantFlat) {
    box.lo[thinnest] += (size[thinnest] - 1) / 2;
    box.hi[thinnest] = box.lo[thinnest] + 1;
  }
  return box;
}

}  // namespace sagittal::server
