#include <algorithm>
#include <array>
#include <cmath>

#include "io/dicom_seg.h"

namespace sagittal::io {
namespace {

constexpr Vec3 kWhite{0.950456, 1.0, 1.088754};  // D65
constexpr double kScale = 65535;

// IEC 61966-2-1 (sRGB) and CIE 15 (L*a*b*).
constexpr Mat3 kToXyz{
    {{0.4124564, 0.3575761, 0.1804375}, {0.2126729, 0.7151522, 0.0721750}, {0.0193339, 0.1191920, 0.9503041}}};
constexpr Mat3 kFromXyz{
    {{3.2404542, -1.5371385, -0.4985314}, {-0.9692660, 1.8760108, 0.0415560}, {0.0556434, -0.2040259, 1.0572252}}};

double linear(double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); }
double companded(double v) { return v <= 0.0031308 ? 12.92 * v : 1.055 * std::pow(v, 1 / 2.4) - 0.055; }

constexpr double kKnee = 6.0 / 29;
double lab_root(double t) { return t > kKnee * kKnee * kKnee ? std::cbrt(t) : t / (3 * kKnee * kKnee) + 4.0 / 29; }
double lab_cube(double t) { return t > kKnee ? t * t * t : 3 * kKnee * kKnee * (t - 4.0 / 29); }

Vec3 times(const Mat3& m, const Vec3& v) {
  Vec3 out{};
  for (std::size_t r = 0; r < 3; ++r) out[r] = m[r][0] * v[0] + m[r][1] * v[1] + m[r][2] * v[2];
  return out;
}

std::uint16_t scaled(double v) { return static_cast<std::uint16_t>(std::lround(std::clamp(v, 0.0, 1.0) * kScale)); }

}  // namespace

std::array<std::uint16_t, 3> cielab_of(const Rgb& colour) {
  Vec3 xyz = times(kToXyz, {linear(colour[0] / 255.0), linear(colour[1] / 255.0), linear(colour[2] / 255.0)});
  for (std::size_t c = 0; c < 3; ++c) xyz[c] = lab_root(xyz[c] / kWhite[c]);
  const double l = 116 * xyz[1] - 16, a = 500 * (xyz[0] - xyz[1]), b = 200 * (xyz[1] - xyz[2]);
  return {scaled(l / 100), scaled((a + 128) / 255), scaled((b + 128) / 255)};
}

Rgb rgb_of(const std::array<std::uint16_t, 3>& cielab) {
  const double l = cielab[0] / kScale * 100, a = cielab[1] / kScale * 255 - 128, b = cielab[2] / kScale * 255 - 128;
  const double y = (l + 16) / 116;
  const Vec3 roots{y + a / 500, y, y - b / 200};
  Vec3 xyz{};
  for (std::size_t c = 0; c < 3; ++c) xyz[c] = kWhite[c] * lab_cube(roots[c]);
  const Vec3 rgb = times(kFromXyz, xyz);
  Rgb out{};
  for (std::size_t c = 0; c < 3; ++c)
    out[c] = static_cast<std::uint8_t>(std::lround(255 * std::clamp(companded(std::max(rgb[c], 0.0)), 0.0, 1.0)));
  return out;
}

}  // namespace sagittal::io
