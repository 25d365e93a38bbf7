#pragma once
#include <optional>

#include "stream/frame.h"

namespace sagittal::stream {

/// How grey values become others: v is clipped to `from` and mapped linearly to `to`. Integers are rounded, what does
/// not fit their type is clipped, NaN becomes 0.
struct Conversion {
  ScalarType type = ScalarType::f32;
  bool divide_by_maximum = false;  ///< first; a frame whose maximum is not positive stays
  struct Range {
    double low = 0, high = 1;
  };
  std::optional<Range> from = {}, to = {};  ///< both, or neither: values as they are
};

/// Error(bad_input) where `from` is empty.
Frame convert(const Frame& frame, const Conversion& conversion, FramePool& pool);

/// The values as float32; `to` has one for each.
void to_floats(const Frame& frame, std::span<float> to);

/// What a type can hold; 0 to 1 for float32 and float64.
Conversion::Range range_of(ScalarType type);

}  // namespace sagittal::stream
