#include "volume/scan_conversion.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>

#include "base/error.h"

namespace sagittal {
namespace {

constexpr std::int64_t kMaxExtent = 16384;
constexpr double kRadian = std::numbers::pi / 180;
constexpr double kEdge = 1e-9;  // of a pixel: what rounding moves out of the fan stays in it

void check(const ScanGeometry& g) {
  bool fits = true;
  for (const std::int64_t extent : {g.width, g.height, g.radii, g.angles}) {
    fits = fits && extent >= 2 && extent <= kMaxExtent;
  }
  for (const double number :
       {g.centre_row, g.centre_column, g.angle_min_degrees, g.angle_max_degrees, g.radius_start, g.radius_end}) {
    fits = fits && std::abs(number) <= 1e6;
  }
  fits = fits && g.angle_min_degrees < g.angle_max_degrees && g.angle_min_degrees >= -180 &&
         g.angle_max_degrees <= 180 && g.angle_max_degrees - g.angle_min_degrees <= 180 && g.radius_start >= 0 &&
         g.radius_start < g.radius_end;
  if (!fits) {
    throw Error(ErrorCode::bad_input,
                "scan conversion: sizes from 2 to 16384, angles that rise by at most 180 degrees, radii that rise");
  }
}

}  // namespace

ScanConverter::Sample ScanConverter::sample_at(double row, double column, std::int64_t width,
                                               std::int64_t height) const {
  const double y = std::clamp(row, 0.0, static_cast<double>(height - 1));
  const double x = std::clamp(column, 0.0, static_cast<double>(width - 1));
  if (!interpolate_) {
    const auto v = static_cast<std::int64_t>(y + 0.5), u = static_cast<std::int64_t>(x + 0.5);
    return {static_cast<std::int32_t>(v * width + u), 0, 0};
  }
  const auto v = std::min(static_cast<std::int64_t>(y), height - 2),
             u = std::min(static_cast<std::int64_t>(x), width - 2);
  return {static_cast<std::int32_t>(v * width + u), static_cast<float>(x - static_cast<double>(u)),
          static_cast<float>(y - static_cast<double>(v))};
}

ScanConverter::ScanConverter(const ScanGeometry& geometry, bool interpolate)
    : geometry_(geometry), interpolate_(interpolate) {
  check(geometry);
  const ScanGeometry& g = geometry_;
  const double angle_step = (g.angle_max_degrees - g.angle_min_degrees) * kRadian / static_cast<double>(g.angles - 1);
  const double radius_step = (g.radius_end - g.radius_start) / static_cast<double>(g.radii - 1);
  linear_.reserve(static_cast<std::size_t>(g.radii * g.angles));
  for (std::int64_t r = 0; r < g.radii; ++r) {
    const double radius = g.radius_start + static_cast<double>(r) * radius_step;
    for (std::int64_t a = 0; a < g.angles; ++a) {
      const double angle = g.angle_min_degrees * kRadian + static_cast<double>(a) * angle_step;
      linear_.push_back(sample_at(g.centre_row + radius * std::cos(angle), g.centre_column + radius * std::sin(angle),
                                  g.width, g.height));
    }
  }
  curvilinear_.reserve(static_cast<std::size_t>(g.width * g.height));
  const double last_row = static_cast<double>(g.radii - 1) + kEdge,
               last_column = static_cast<double>(g.angles - 1) + kEdge;
  for (std::int64_t y = 0; y < g.height; ++y) {
    for (std::int64_t x = 0; x < g.width; ++x) {
      const double down = static_cast<double>(y) - g.centre_row, right = static_cast<double>(x) - g.centre_column;
      const double row = (std::sqrt(down * down + right * right) - g.radius_start) / radius_step;
      const double column = (std::atan2(right, down) - g.angle_min_degrees * kRadian) / angle_step;
      const bool inside = row >= -kEdge && row <= last_row && column >= -kEdge && column <= last_column;
      curvilinear_.push_back(inside ? sample_at(row, column, g.angles, g.radii) : Sample{-1, 0, 0});
    }
  }
}

template <class T>
void ScanConverter::run(const std::vector<Sample>& samples, const ImageView<const T>& from, const ImageView<T>& to,
                        bool from_curvilinear) const {
  const auto& curvilinear_width = from_curvilinear ? from.width : to.width;
  const auto& curvilinear_height = from_curvilinear ? from.height : to.height;
  const auto& angles = from_curvilinear ? to.width : from.width;
  const auto& radii = from_curvilinear ? to.height : from.height;
  if (curvilinear_width != geometry_.width || curvilinear_height != geometry_.height || angles != geometry_.angles ||
      radii != geometry_.radii || from.channels != 1 || to.channels != 1) {
    throw Error(ErrorCode::bad_input,
                "scan conversion: images of other sizes than the geometry's, or several channels");
  }
  T* out = to.pixels;
  for (const Sample& sample : samples) {
    if (sample.index < 0) {
      *out++ = T{};
      continue;
    }
    const T* at = from.pixels + sample.index;
    if (!interpolate_) {
      *out++ = *at;
      continue;
    }
    const T* below = at + from.width;
    const float upper = static_cast<float>(at[0]) * (1 - sample.x) + static_cast<float>(at[1]) * sample.x;
    const float lower = static_cast<float>(below[0]) * (1 - sample.x) + static_cast<float>(below[1]) * sample.x;
    const float value = upper * (1 - sample.y) + lower * sample.y;
    if constexpr (std::is_same_v<T, float>) {
      *out++ = value;
    } else {
      *out++ = static_cast<T>(value + 0.5F);
    }
  }
}

void ScanConverter::to_linear(const ImageView<const std::uint8_t>& from, const ImageView<std::uint8_t>& to) const {
  run(linear_, from, to, true);
}
void ScanConverter::to_linear(const ImageView<const float>& from, const ImageView<float>& to) const {
  run(linear_, from, to, true);
}
void ScanConverter::to_curvilinear(const ImageView<const std::uint8_t>& from, const ImageView<std::uint8_t>& to) const {
  run(curvilinear_, from, to, false);
}
void ScanConverter::to_curvilinear(const ImageView<const float>& from, const ImageView<float>& to) const {
  run(curvilinear_, from, to, false);
}

}  // namespace sagittal
