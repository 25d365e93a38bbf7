#pragma once
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/bytes.h"
#include "volume/volume.h"

namespace sagittal {

/// Voxels of one scalar type where they lie: in native byte order, at any alignment. They are shared and never change.
struct StoredVoxels {
  ScalarType type = ScalarType::u8;
  ByteView bytes;
  std::shared_ptr<const void> owner;  ///< keeps `bytes` alive

  std::int64_t count() const { return static_cast<std::int64_t>(bytes.size() / size_of(type)); }
};

/// `voxels` holds values of `type`.
StoredVoxels store(ScalarType type, Buffer voxels);
/// A copy.
StoredVoxels store(std::span<const float> voxels);
/// The voxels of a volume, shared with it.
StoredVoxels store(const Volume& volume);

/// Values of type T in bytes of any alignment.
template <class T>
struct Values {
  using Type = T;
  const std::uint8_t* bytes;

  T operator[](std::int64_t n) const {
    T value;
    std::memcpy(&value, bytes + n * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    return value;
  }
};

/// Calls `f(Values<T>)` with the values in their own type.
template <class F>
decltype(auto) visit_values(ScalarType type, const std::uint8_t* bytes, F&& f) {
  switch (type) {
    case ScalarType::u8:
      return f(Values<std::uint8_t>{bytes});
    case ScalarType::i8:
      return f(Values<std::int8_t>{bytes});
    case ScalarType::u16:
      return f(Values<std::uint16_t>{bytes});
    case ScalarType::i16:
      return f(Values<std::int16_t>{bytes});
    case ScalarType::u32:
      return f(Values<std::uint32_t>{bytes});
    case ScalarType::i32:
      return f(Values<std::int32_t>{bytes});
    case ScalarType::u64:
      return f(Values<std::uint64_t>{bytes});
    case ScalarType::i64:
      return f(Values<std::int64_t>{bytes});
    case ScalarType::f32:
      return f(Values<float>{bytes});
    case ScalarType::f64:
      break;
  }
  return f(Values<double>{bytes});
}

}  // namespace sagittal
