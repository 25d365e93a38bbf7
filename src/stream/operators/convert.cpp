#include "stream/operators/convert.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "stream/operators/scalar.h"

namespace sagittal::stream {
namespace {

constexpr std::size_t kBlock = 2048;  // values that stay in the first cache

/// y = x * scale + shift, x clipped first.
template <class Real>
struct Map {
  bool clips = false;
  Real low = 0, high = 0;
  Real scale = 1, shift = 0;

  void apply(std::span<Real> values) const {
    if (clips) {
      for (Real& value : values) value = std::min(std::max(value, low), high);
    }
    if (scale != 1 || shift != 0) {
      for (Real& value : values) value = value * scale + shift;
    }
  }
};

double maximum_of(const Frame& frame) {
  return visit_scalar(frame.type, [&]<class T>(T) {
    T largest = std::numeric_limits<T>::lowest();
    for (const T value : frame.as<T>()) largest = value > largest ? value : largest;
    return static_cast<double>(largest);
  });
}

template <class Real>
Map<Real> map_of(const Frame& frame, const Conversion& conversion) {
  double scale = 1, shift = 0;
  Map<Real> map;
  if (conversion.from && conversion.to) {
    const auto [low, high] = *conversion.from;
    if (!(low < high)) throw Error(ErrorCode::bad_input, fmt::format("the range {} to {} is empty", low, high));
    scale = (conversion.to->high - conversion.to->low) / (high - low);
    shift = conversion.to->low - low * scale;
    map.clips = true;
    map.low = static_cast<Real>(low), map.high = static_cast<Real>(high);
  }
  if (conversion.divide_by_maximum) {
    const double maximum = maximum_of(frame);
    if (maximum > 0 && std::isfinite(maximum)) {
      scale /= maximum;
      map.low = static_cast<Real>(static_cast<double>(map.low) * maximum);
      map.high = static_cast<Real>(static_cast<double>(map.high) * maximum);
    }
  }
  map.scale = static_cast<Real>(scale), map.shift = static_cast<Real>(shift);
  return map;
}

template <class Real>
void convert_as(const Frame& frame, const Map<Real>& map, ScalarType type, std::uint8_t* out) {
  std::array<Real, kBlock> block;
  const std::size_t count = frame.pixels.size() / size_of(frame.type);
  for (std::size_t begin = 0; begin < count; begin += kBlock) {
    const std::span<Real> part(block.data(), std::min(kBlock, count - begin));
    visit_scalar(frame.type, [&]<class T>(T) {
      const T* from = frame.as<T>().data() + begin;
      for (std::size_t n = 0; n < part.size(); ++n) part[n] = static_cast<Real>(from[n]);
    });
    map.apply(part);
    visit_scalar(type, [&]<class T>(T) {
      T* to = reinterpret_cast<T*>(out) + begin;
      for (std::size_t n = 0; n < part.size(); ++n) to[n] = scalar_from<T>(part[n]);
    });
  }
}

/// Whether float32 holds all its values.
bool fits_float(ScalarType type) { return size_of(type) <= 2 || type == ScalarType::f32; }

}  // namespace

Conversion::Range range_of(ScalarType type) {
  return visit_scalar(type, []<class T>(T) {
    if constexpr (std::is_floating_point_v<T>) return Conversion::Range{0, 1};
    return Conversion::Range{static_cast<double>(std::numeric_limits<T>::min()),
                             static_cast<double>(std::numeric_limits<T>::max())};
  });
}

Frame convert(const Frame& frame, const Conversion& conversion, FramePool& pool) {
  const bool same_values = !conversion.divide_by_maximum && !(conversion.from && conversion.to);
  if (same_values && conversion.type == frame.type) return frame;
  Frame out = frame_with(frame, {}, frame.components, conversion.type);
  FreshBytes fresh = pool.take(out.bytes_needed());
  if (fits_float(frame.type) && fits_float(conversion.type)) {
    convert_as(frame, map_of<float>(frame, conversion), conversion.type, fresh.span().data());
  } else {
    convert_as(frame, map_of<double>(frame, conversion), conversion.type, fresh.span().data());
  }
  out.pixels = std::move(fresh).share();
  return out;
}

void to_floats(const Frame& frame, std::span<float> to) {
  convert_as(frame, Map<float>{}, ScalarType::f32, reinterpret_cast<std::uint8_t*>(to.data()));
}

}  // namespace sagittal::stream
