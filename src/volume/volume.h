#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "volume/geometry.h"

namespace sagittal {

enum class ScalarType { u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 };

std::size_t size_of(ScalarType type);
/// NumPy's name: "uint8", "int16", "float32".
std::string_view name_of(ScalarType type);
std::optional<ScalarType> scalar_type_from_name(std::string_view name);

template <class T>
constexpr ScalarType scalar_type_of();

/// Largest number of voxels any reader accepts: 8 Gi, a cube of 2048.
inline constexpr std::int64_t kMaxVoxels = std::int64_t{1} << 33;

/// One scalar per voxel on a `Geometry`, i fastest. The voxels are shared and never change, so a copy costs nothing and
/// may be read from any thread.
class Volume {
 public:
  /// `voxels` holds geometry.voxel_count() values of `type` in native byte order. Throws Error(bad_input) otherwise.
  Volume(Geometry geometry, ScalarType type, Buffer voxels);

  const Geometry& geometry() const { return geometry_; }
  ScalarType type() const { return type_; }
  std::span<const std::byte> bytes() const { return {voxels_->data(), voxels_->size()}; }

  /// The voxels as T, which must be the type held.
  template <class T>
  std::span<const T> as() const;

 private:
  Geometry geometry_;
  ScalarType type_;
  std::shared_ptr<const Buffer> voxels_;
};

/// Calls `f(std::span<const T>)` with the voxels in the type held.
template <class F>
decltype(auto) visit_voxels(const Volume& volume, F&& f);

/// All voxels converted to float.
std::vector<float> to_float(const Volume& volume);

/// 1 where the voxel is not zero (NaN counts as not zero), on the same geometry.
Volume to_mask(const Volume& volume);

template <class T>
Volume make_volume(const Geometry& geometry, std::span<const T> voxels);

// ---- definitions
// -----------------------------------------------------------------------------------------------------

template <class T>
constexpr ScalarType scalar_type_of() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return ScalarType::u8;
  if constexpr (std::is_same_v<T, std::int8_t>) return ScalarType::i8;
  if constexpr (std::is_same_v<T, std::uint16_t>) return ScalarType::u16;
  if constexpr (std::is_same_v<T, std::int16_t>) return ScalarType::i16;
  if constexpr (std::is_same_v<T, std::uint32_t>) return ScalarType::u32;
  if constexpr (std::is_same_v<T, std::int32_t>) return ScalarType::i32;
  if constexpr (std::is_same_v<T, std::uint64_t>) return ScalarType::u64;
  if constexpr (std::is_same_v<T, std::int64_t>) return ScalarType::i64;
  if constexpr (std::is_same_v<T, float>) return ScalarType::f32;
  if constexpr (std::is_same_v<T, double>) return ScalarType::f64;
}

[[noreturn]] void throw_wrong_scalar_type(ScalarType held, ScalarType asked);

template <class T>
std::span<const T> Volume::as() const {
  if (scalar_type_of<T>() != type_) throw_wrong_scalar_type(type_, scalar_type_of<T>());
  return voxels_->as<T>();
}

template <class F>
decltype(auto) visit_voxels(const Volume& volume, F&& f) {
  switch (volume.type()) {
    case ScalarType::u8:
      return f(volume.as<std::uint8_t>());
    case ScalarType::i8:
      return f(volume.as<std::int8_t>());
    case ScalarType::u16:
      return f(volume.as<std::uint16_t>());
    case ScalarType::i16:
      return f(volume.as<std::int16_t>());
    case ScalarType::u32:
      return f(volume.as<std::uint32_t>());
    case ScalarType::i32:
      return f(volume.as<std::int32_t>());
    case ScalarType::u64:
      return f(volume.as<std::uint64_t>());
    case ScalarType::i64:
      return f(volume.as<std::int64_t>());
    case ScalarType::f32:
      return f(volume.as<float>());
    case ScalarType::f64:
      break;
  }
  return f(volume.as<double>());
}

template <class T>
Volume make_volume(const Geometry& geometry, std::span<const T> voxels) {
  Buffer buffer(voxels.size_bytes());
  std::copy(voxels.begin(), voxels.end(), buffer.as<T>().begin());
  return Volume(geometry, scalar_type_of<T>(), std::move(buffer));
}

}  // namespace sagittal
