#include "io/stl.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/error.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kHeader = 80;
constexpr std::size_t kTriangle = 50;

using Point = std::array<float, 3>;

/// Zero where the triangle has no area.
Point normal_of(const Point& a, const Point& b, const Point& c) {
  const std::array<double, 3> u{b[0] - a[0], b[1] - a[1], b[2] - a[2]}, v{c[0] - a[0], c[1] - a[1], c[2] - a[2]};
  const std::array<double, 3> n{u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
  const double length = std::sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]);
  if (length == 0) return {};
  return {static_cast<float>(n[0] / length), static_cast<float>(n[1] / length), static_cast<float>(n[2] / length)};
}

}  // namespace

Bytes write_stl(const std::vector<Surface>& surfaces) {
  std::size_t triangles = 0;
  for (const Surface& surface : surfaces) triangles += surface.triangles.size();
  if (triangles > std::numeric_limits<std::uint32_t>::max()) {
    throw Error(ErrorCode::too_large, "an STL file counts its triangles in 32 bits");
  }
  Bytes file(kHeader + sizeof(std::uint32_t) + kTriangle * triangles);
  constexpr std::string_view header = "Sagittal " SAGITTAL_VERSION " SPACE=LPS";
  std::memcpy(file.data(), header.data(), header.size());
  const auto count = static_cast<std::uint32_t>(triangles);
  std::memcpy(file.data() + kHeader, &count, sizeof(count));
  std::uint8_t* out = file.data() + kHeader + sizeof(count);
  for (const Surface& surface : surfaces) {
    for (const auto& t : surface.triangles) {
      const Point &a = surface.points_mm[t[0]], &b = surface.points_mm[t[1]], &c = surface.points_mm[t[2]];
      const std::array<Point, 4> written{normal_of(a, b, c), a, b, c};
      std::memcpy(out, written.data(), sizeof(written));
      out += kTriangle;  // the two bytes left are zero
    }
  }
  return file;
}

}  // namespace sagittal::io
