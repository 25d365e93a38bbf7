#pragma once
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "stream/frame.h"
#include "volume/visit_scalar.h"

namespace sagittal::stream {

/// `value` as T: integers rounded, halves up, and clipped, NaN as 0.
template <class T, class Real>
T scalar_from(Real value) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    constexpr Real kLow = static_cast<Real>(std::numeric_limits<T>::min());
    constexpr Real kHigh = static_cast<Real>(std::numeric_limits<T>::max());
    if (!(value > kLow)) return value <= kLow ? std::numeric_limits<T>::min() : T{0};
    if (value >= kHigh) return std::numeric_limits<T>::max();
    if constexpr (sizeof(T) <= 2) {
      const Real half_up = value + Real{0.5};
      const auto whole = static_cast<std::int32_t>(half_up);
      return static_cast<T>(whole - (static_cast<Real>(whole) > half_up ? 1 : 0));
    } else {
      return static_cast<T>(std::floor(value + Real{0.5}));
    }
  }
}

}  // namespace sagittal::stream
