#include "stream/operators/picture.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/operators/scalar.h"

namespace sagittal::stream {
namespace {

constexpr std::int64_t kMaxSide = 65535;  // what OpenIGTLink can say

std::size_t pixel_bytes(const Frame& frame) { return static_cast<std::size_t>(frame.components) * size_of(frame.type); }

/// Calls `f` with the size of a pixel as a constant where it is a usual one.
template <class F>
void with_size(std::size_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(std::integral_constant<std::size_t, 1>());
    case 2:
      return f(std::integral_constant<std::size_t, 2>());
    case 3:
      return f(std::integral_constant<std::size_t, 3>());
    case 4:
      return f(std::integral_constant<std::size_t, 4>());
    default:
      return f(bytes);
  }
}

/// `frame` with a grid that begins `at` pixels later and is of another size.
Geometry part_of(const Geometry& whole, const Vec3& at, std::int64_t width, std::int64_t height) {
  Geometry part = whole;
  part.origin_mm = index_to_world(whole, at);
  part.size = {width, height, whole.size[2]};
  return part;
}

void turn(Geometry& geometry, std::size_t axis) {
  Vec3 last{0, 0, 0};
  last[axis] = static_cast<double>(geometry.size[axis] - 1);
  geometry.origin_mm = index_to_world(geometry, last);
  for (Vec3& row : geometry.direction) row[axis] = -row[axis];
}

}  // namespace

Frame crop(const Frame& frame, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height,
           FramePool& pool) {
  const bool inside = x >= 0 && y >= 0 && width >= 1 && height >= 1 && x < frame.width() && y < frame.height() &&
                      width <= frame.width() - x && height <= frame.height() - y;
  if (!inside) {
    throw Error(ErrorCode::bad_input, fmt::format("{} x {} pixels at ({}, {}) are asked for, the frame has {} x {}",
                                                  width, height, x, y, frame.width(), frame.height()));
  }
  Frame out = frame_with(frame, {}, frame.components, frame.type);
  out.geometry = part_of(frame.geometry, {static_cast<double>(x), static_cast<double>(y), 0}, width, height);
  FreshBytes fresh = pool.take(out.bytes_needed());
  const std::size_t pixel = pixel_bytes(frame);
  const std::size_t from_row = static_cast<std::size_t>(frame.width()) * pixel;
  const std::size_t to_row = static_cast<std::size_t>(width) * pixel;
  std::uint8_t* to = fresh.span().data();
  for (std::int64_t k = 0; k < frame.geometry.size[2]; ++k) {
    const std::uint8_t* from = frame.pixels.view().data() +
                               static_cast<std::size_t>(k * frame.height() + y) * from_row +
                               static_cast<std::size_t>(x) * pixel;
    for (std::int64_t row = 0; row < height; ++row, from += from_row, to += to_row) std::memcpy(to, from, to_row);
  }
  out.pixels = std::move(fresh).share();
  return out;
}

Frame flip(const Frame& frame, bool horizontally, bool vertically, Mirror mirror, FramePool& pool) {
  if (!horizontally && !vertically) return frame;
  Frame out = frame_with(frame, {}, frame.components, frame.type);
  if (mirror == Mirror::memory) {
    if (horizontally) turn(out.geometry, 0);
    if (vertically) turn(out.geometry, 1);
  }
  FreshBytes fresh = pool.take(frame.bytes_needed());
  const std::size_t width = static_cast<std::size_t>(frame.width());
  const std::size_t row_bytes = width * pixel_bytes(frame);
  const std::int64_t height = frame.height();
  for (std::int64_t row = 0; row < height * frame.geometry.size[2]; ++row) {
    const std::int64_t source = vertically ? (row / height) * height + (height - 1 - row % height) : row;
    const std::uint8_t* from = frame.pixels.view().data() + static_cast<std::size_t>(source) * row_bytes;
    std::uint8_t* to = fresh.span().data() + static_cast<std::size_t>(row) * row_bytes;
    if (!horizontally) {
      std::memcpy(to, from, row_bytes);
      continue;
    }
    with_size(pixel_bytes(frame), [&](auto pixel) {
      for (std::size_t i = 0; i < width; ++i) std::memcpy(to + i * pixel, from + (width - 1 - i) * pixel, pixel);
    });
  }
  out.pixels = std::move(fresh).share();
  return out;
}

Frame reorder(const Frame& frame, const std::vector<int>& order, FramePool& pool) {
  for (const int component : order) {
    if (component < kOpaque || component >= frame.components) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("component {} is asked for, the frame has {}", component, frame.components));
    }
  }
  const std::size_t out_components = order.size(), in_components = static_cast<std::size_t>(frame.components);
  if (order.empty() || out_components > kMaxComponents) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{} components are asked for, expected 1 to {}", out_components, kMaxComponents));
  }
  Frame out = frame_with(frame, {}, static_cast<int>(out_components), frame.type);
  FreshBytes fresh = pool.take(out.bytes_needed());
  const auto pixels = static_cast<std::size_t>(frame.geometry.voxel_count());
  visit_scalar(frame.type, [&]<class T>(T) {
    const T opaque = std::is_integral_v<T> ? std::numeric_limits<T>::max() : T{1};
    const T* from = frame.as<T>().data();
    T* to = fresh.as<T>().data();
    for (std::size_t c = 0; c < out_components; ++c) {
      const int source = order[c];
      if (source == kOpaque) {
        for (std::size_t p = 0; p < pixels; ++p) to[p * out_components + c] = opaque;
      } else {
        const T* component = from + source;
        for (std::size_t p = 0; p < pixels; ++p) to[p * out_components + c] = component[p * in_components];
      }
    }
  });
  out.pixels = std::move(fresh).share();
  return out;
}

Frame to_grey(const Frame& frame, int red, int green, int blue, FramePool& pool) {
  for (const int component : {red, green, blue}) {
    if (component < 0 || component >= frame.components) {
      throw Error(ErrorCode::bad_input, fmt::format("a frame with {} components has no colours", frame.components));
    }
  }
  Frame out = frame_with(frame, {}, 1, frame.type);
  FreshBytes fresh = pool.take(out.bytes_needed());
  const auto pixels = static_cast<std::size_t>(frame.geometry.voxel_count());
  const auto step = static_cast<std::size_t>(frame.components);
  visit_scalar(frame.type, [&]<class T>(T) {
    const T* from = frame.as<T>().data();
    T* to = fresh.as<T>().data();
    for (std::size_t p = 0; p < pixels; ++p, from += step) {
      if constexpr (std::is_same_v<T, std::uint8_t>) {
        to[p] = static_cast<T>((19595U * from[red] + 38470U * from[green] + 7471U * from[blue] + 32768U) >> 16);
      } else {
        to[p] = scalar_from<T>(0.299 * static_cast<double>(from[red]) + 0.587 * static_cast<double>(from[green]) +
                               0.114 * static_cast<double>(from[blue]));
      }
    }
  });
  out.pixels = std::move(fresh).share();
  return out;
}

Frame resize(const Frame& frame, std::int64_t width, std::int64_t height, Filter filter, Resampler& resampler,
             FramePool& pool) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    throw Error(ErrorCode::bad_input,
                fmt::format("frames of {} x {} are asked for, expected sides of 1 to {}", width, height, kMaxSide));
  }
  if (width == frame.width() && height == frame.height()) return frame;
  resampler.prepare(frame.width(), frame.height(), width, height, filter);
  Frame out = frame_with(frame, {}, frame.components, frame.type);
  const double x = static_cast<double>(frame.width()) / static_cast<double>(width);
  const double y = static_cast<double>(frame.height()) / static_cast<double>(height);
  out.geometry = part_of(frame.geometry, {(x - 1) / 2, (y - 1) / 2, 0}, width, height);
  out.geometry.spacing_mm[0] *= x;
  out.geometry.spacing_mm[1] *= y;
  FreshBytes fresh = pool.take(out.bytes_needed());
  const auto in_plane = static_cast<std::size_t>(frame.width() * frame.height() * frame.components);
  const auto out_plane = static_cast<std::size_t>(width * height * frame.components);
  visit_scalar(frame.type, [&]<class T>(T) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(frame.geometry.size[2]); ++k) {
      T* to = fresh.as<T>().data() + k * out_plane;
      resampler.rows(frame.as<T>().data() + k * in_plane, frame.components,
                     [&](std::size_t, std::span<const float> row) {
                       for (const float value : row) *to++ = scalar_from<T>(value);
                     });
    }
  });
  out.pixels = std::move(fresh).share();
  return out;
}

}  // namespace sagittal::stream
