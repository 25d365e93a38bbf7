#include "stream/operators/place.h"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/error.h"

namespace sagittal::stream {
namespace {

constexpr Affine kFlip{{{{-1, 0, 0}, {0, -1, 0}, {0, 0, 1}}}, {0, 0, 0}};

Vec3 column(const Mat3& matrix, std::size_t axis) { return {matrix[0][axis], matrix[1][axis], matrix[2][axis]}; }
double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
double length(const Vec3& v) { return std::sqrt(dot(v, v)); }

constexpr double kMostSkew = 0.1;  // what calibrations of probes have is 0.05

/// Both unit vectors are turned by the same angle.
void make_orthogonal(std::array<Vec3, 2>& axes) {
  const double skew = dot(axes[0], axes[1]);
  if (!(std::abs(skew) <= kMostSkew)) {
    throw Error(ErrorCode::bad_input,
                fmt::format("rows and columns of a frame would meet at {:.1f} degrees, expected about 90",
                            std::acos(skew) * 180 / std::acos(-1.0)));
  }
  Vec3 sum{}, difference{};
  for (std::size_t n = 0; n < 3; ++n) sum[n] = axes[0][n] + axes[1][n], difference[n] = axes[0][n] - axes[1][n];
  const double along = 1 / (std::sqrt(2.0) * length(sum)), across = 1 / (std::sqrt(2.0) * length(difference));
  for (std::size_t n = 0; n < 3; ++n) {
    axes[0][n] = sum[n] * along + difference[n] * across;
    axes[1][n] = sum[n] * along - difference[n] * across;
  }
}

}  // namespace

Transform transform_of(std::string name, const Affine& affine, bool valid) {
  return {std::move(name), affine.matrix, affine.offset, valid};
}

Affine flip_coordinates(const Affine& affine) { return kFlip * affine * kFlip; }

Geometry placed(const Geometry& grid, const Affine& image_to_world) {
  const Affine pixels = image_to_world * kFlip;
  Geometry out{.size = grid.size};
  std::array<Vec3, 2> axes{column(pixels.matrix, 0), column(pixels.matrix, 1)};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    out.spacing_mm[axis] = length(axes[axis]);
    for (double& part : axes[axis]) part /= out.spacing_mm[axis];
  }
  make_orthogonal(axes);
  for (std::size_t row = 0; row < 3; ++row) {
    out.direction[row][0] = axes[0][row];
    out.direction[row][1] = axes[1][row];
  }
  // A picture has no third axis: it is at right angles, to the side that the transform says.
  const Vec3 i = column(out.direction, 0), j = column(out.direction, 1), third = column(pixels.matrix, 2);
  Vec3 normal{i[1] * j[2] - i[2] * j[1], i[2] * j[0] - i[0] * j[2], i[0] * j[1] - i[1] * j[0]};
  const double side = dot(normal, third);
  const double scale = (side < 0 ? -1 : 1) / length(normal);
  for (std::size_t row = 0; row < 3; ++row) out.direction[row][2] = normal[row] * scale;
  out.spacing_mm[2] = grid.size[2] > 1 ? length(third) : 1;
  out.origin_mm = pixels.offset;
  check_geometry(out, "the place of a frame");
  return out;
}

Geometry straightened(const Geometry& grid) {
  const auto are_askew = [&](std::size_t a, std::size_t b) {
    return std::abs(dot(column(grid.direction, a), column(grid.direction, b))) > kDirectionTolerance;
  };
  if (grid.size[2] != 1 || !(are_askew(0, 1) || are_askew(0, 2) || are_askew(1, 2))) return grid;
  Geometry out = placed(grid, image_to_world(grid));
  out.spacing_mm[2] = grid.spacing_mm[2];
  const Vec3 middle{static_cast<double>(grid.size[0] - 1) / 2, static_cast<double>(grid.size[1] - 1) / 2, 0};
  const Vec3 there = index_to_world(grid, middle), here = index_to_world(out, middle);
  for (std::size_t axis = 0; axis < 3; ++axis) out.origin_mm[axis] += there[axis] - here[axis];
  return out;
}

Affine pixels_to_world(const Geometry& grid) {
  Affine pixels{{}, grid.origin_mm};
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      pixels.matrix[row][axis] = grid.direction[row][axis] * grid.spacing_mm[axis];
    }
  }
  return pixels;
}

Affine image_to_world(const Geometry& grid) { return pixels_to_world(grid) * kFlip; }

void add_calibration(TransformRepository& repository, const Json& calibration) {
  if (calibration.is_null()) return;
  if (!calibration.is_object()) {
    throw Error(ErrorCode::bad_input, "\"calibration\" is not as {\"ImageToProbe\": [16 numbers]}");
  }
  for (const auto& [name, value] : calibration.items()) {
    const auto numbers = json_get<std::vector<double>>(calibration, name.c_str(), "calibration");
    try {
      repository.set(parse_transform_name(name), flip_coordinates(affine_from_rows(numbers)));
    } catch (Error& error) {
      throw error.within(fmt::format("calibration: {}", name));
    }
  }
}

}  // namespace sagittal::stream
