#pragma once
#include <cstdint>

#include "volume/volume.h"

namespace sagittal {

/// Calls `f(T{})` with the type that `type` names.
template <class F>
decltype(auto) visit_scalar(ScalarType type, F&& f) {
  switch (type) {
    case ScalarType::u8:
      return f(std::uint8_t{});
    case ScalarType::i8:
      return f(std::int8_t{});
    case ScalarType::u16:
      return f(std::uint16_t{});
    case ScalarType::i16:
      return f(std::int16_t{});
    case ScalarType::u32:
      return f(std::uint32_t{});
    case ScalarType::i32:
      return f(std::int32_t{});
    case ScalarType::u64:
      return f(std::uint64_t{});
    case ScalarType::i64:
      return f(std::int64_t{});
    case ScalarType::f32:
      return f(float{});
    case ScalarType::f64:
      break;
  }
  return f(double{});
}

}  // namespace sagittal
