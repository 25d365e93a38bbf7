#include "volume/geometry.h"

#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal {
namespace {

Vec3 multiply(const Mat3& m, const Vec3& v) {
  Vec3 out{};
  for (int r = 0; r < 3; ++r) out[r] = m[r][0] * v[0] + m[r][1] * v[1] + m[r][2] * v[2];
  return out;
}

Mat3 inverse(const Mat3& m) {
  const double scale = 1 / determinant(m);
  Mat3 out{};
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 3; ++c) {
      const int r1 = (c + 1) % 3, r2 = (c + 2) % 3, c1 = (r + 1) % 3, c2 = (r + 2) % 3;
      out[r][c] = (m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]) * scale;
    }
  }
  return out;
}

[[noreturn]] void reject(const std::string& what, const std::string& why) {
  throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what, why));
}

bool orthonormal(const Mat3& m) {
  for (int a = 0; a < 3; ++a) {
    for (int b = a; b < 3; ++b) {
      const double dot = m[0][a] * m[0][b] + m[1][a] * m[1][b] + m[2][a] * m[2][b];
      if (!(std::abs(dot - (a == b ? 1 : 0)) <= kDirectionTolerance)) return false;
    }
  }
  return true;
}

}  // namespace

std::string describe_shape(const Index3& shape) { return fmt::format("[{}, {}, {}]", shape[0], shape[1], shape[2]); }

double determinant(const Mat3& m) {
  return m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
         m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0]);
}

void check_geometry(const Geometry& geometry, const std::string& what) {
  for (int axis = 0; axis < 3; ++axis) {
    if (geometry.size[axis] < 1) reject(what, fmt::format("size of axis {} is {}", axis, geometry.size[axis]));
    if (!(geometry.spacing_mm[axis] > 0) || !std::isfinite(geometry.spacing_mm[axis])) {
      reject(what, fmt::format("spacing of axis {} is {} mm", axis, geometry.spacing_mm[axis]));
    }
    if (!std::isfinite(geometry.origin_mm[axis])) reject(what, "origin is not finite");
  }
  if (!orthonormal(geometry.direction)) reject(what, "direction columns are not orthonormal");
}

Vec3 index_to_world(const Geometry& geometry, const Vec3& index) {
  const Vec3 step{index[0] * geometry.spacing_mm[0], index[1] * geometry.spacing_mm[1],
                  index[2] * geometry.spacing_mm[2]};
  const Vec3 turned = multiply(geometry.direction, step);
  return {turned[0] + geometry.origin_mm[0], turned[1] + geometry.origin_mm[1], turned[2] + geometry.origin_mm[2]};
}

Vec3 world_to_index(const Geometry& geometry, const Vec3& world_mm) {
  const Vec3 step{world_mm[0] - geometry.origin_mm[0], world_mm[1] - geometry.origin_mm[1],
                  world_mm[2] - geometry.origin_mm[2]};
  const Vec3 turned = multiply(inverse(geometry.direction), step);
  return {turned[0] / geometry.spacing_mm[0], turned[1] / geometry.spacing_mm[1], turned[2] / geometry.spacing_mm[2]};
}

bool same_grid(const Geometry& a, const Geometry& b) {
  if (a.size != b.size) return false;
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index{};
    for (int axis = 0; axis < 3; ++axis) index[axis] = (corner >> axis) & 1 ? static_cast<double>(a.size[axis] - 1) : 0;
    const Vec3 other = world_to_index(b, index_to_world(a, index));
    for (int axis = 0; axis < 3; ++axis) {
      if (!(std::abs(other[axis] - index[axis]) <= kGridTolerance)) return false;
    }
  }
  return true;
}

std::string orientation_code(const Geometry& geometry) {
  static constexpr char positive[] = {'L', 'P', 'S'};
  static constexpr char negative[] = {'R', 'A', 'I'};
  std::string code;
  for (int axis = 0; axis < 3; ++axis) {
    int main_row = 0;
    for (int row = 1; row < 3; ++row) {
      if (std::abs(geometry.direction[row][axis]) > std::abs(geometry.direction[main_row][axis])) main_row = row;
    }
    code += geometry.direction[main_row][axis] > 0 ? positive[main_row] : negative[main_row];
  }
  return code;
}

}  // namespace sagittal
