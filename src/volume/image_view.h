#pragma once
#include <cstdint>
#include <type_traits>

namespace sagittal {

/// A two-dimensional image [height, width, channels], C order, that belongs to someone else. ImageView<const T> cannot
/// be written through.
template <class T>
struct ImageView {
  T* pixels = nullptr;
  std::int64_t width = 0, height = 0, channels = 1;

  T* row(std::int64_t y) const { return pixels + y * width * channels; }
  std::int64_t count() const { return width * height * channels; }
  operator ImageView<const T>() const requires(!std::is_const_v<T>) { return {pixels, width, height, channels}; }
};

}  // namespace sagittal
