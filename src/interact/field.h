#pragma once
#include <array>
#include <cstdint>

#include "base/recycled.h"
#include "volume/box.h"

namespace sagittal::interact {

/// A small dense array [axis0, axis1, axis2] of floats in C order.
struct Field {
  Index3 size{};
  RecycledVector<float> values;

  Field() = default;
  explicit Field(const Index3& extent, float value = 0)
      : size(extent), values(static_cast<std::size_t>(whole(extent).volume()), value) {}

  std::size_t count() const { return values.size(); }
  /// Distance in memory from one voxel to the next, per axis.
  std::array<std::size_t, 3> strides() const {
    return {static_cast<std::size_t>(size[1] * size[2]), static_cast<std::size_t>(size[2]), 1};
  }
  float& operator[](std::size_t n) { return values[n]; }
  float operator[](std::size_t n) const { return values[n]; }
};

/// Calls `body(first, stride, length)` for every line of the field along `axis`.
template <class Body>
void for_each_line(const Index3& size, int axis, Body&& body) {
  const std::array<std::int64_t, 3> strides{size[1] * size[2], size[2], 1};
  const int a = axis == 0 ? 1 : 0, b = axis == 2 ? 1 : 2;
  for (std::int64_t i = 0; i < size[a]; ++i) {
    for (std::int64_t j = 0; j < size[b]; ++j) {
      body(static_cast<std::size_t>(i * strides[a] + j * strides[b]), static_cast<std::size_t>(strides[axis]),
           static_cast<std::size_t>(size[axis]));
    }
  }
}

/// Convolution with a Gaussian of this deviation in voxels, cut at three deviations; the edge voxels go on outside.
Field smooth(const Field& field, double sigma);

/// Squared Euclidean distance in voxels to the nearest voxel whose value is not 0; kFar where there is none.
Field squared_distance(const Field& marks);
inline constexpr float kFar = 1e12F;

}  // namespace sagittal::interact
