#pragma once
#include <cstdint>
#include <span>
#include <utility>

#include "base/buffer.h"
#include "volume/geometry.h"

namespace sagittal {

/// A dense C-ordered array [axis0, axis1, axis2] of a trivial type, not initialised when made. Move-only.
template <class T>
class Array3 {
 public:
  Array3() = default;
  explicit Array3(const Index3& shape)
      : shape_(shape), values_(static_cast<std::size_t>(shape[0] * shape[1] * shape[2]) * sizeof(T)) {}

  const Index3& shape() const { return shape_; }
  std::int64_t count() const { return shape_[0] * shape_[1] * shape_[2]; }
  std::span<T> values() { return values_.as<T>(); }
  std::span<const T> values() const { return values_.as<T>(); }
  T* row(std::int64_t i, std::int64_t j) { return values().data() + (i * shape_[1] + j) * shape_[2]; }
  const T* row(std::int64_t i, std::int64_t j) const { return values().data() + (i * shape_[1] + j) * shape_[2]; }

 private:
  Index3 shape_{0, 0, 0};
  Buffer values_;
};

}  // namespace sagittal
