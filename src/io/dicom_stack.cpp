#include "io/dicom_stack.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"

namespace sagittal::io {
namespace {

constexpr double kSamePlane = 1e-3;  // mm
constexpr double kEven = 0.01;       // of the slice distance: rounding of positions
constexpr double kUneven = 0.1;      // of the slice distance: still taken as even, with a warning
constexpr double kTilt = 0.01;       // sideways per slice distance: about half a degree
constexpr double kDegrees = 57.29577951308232;
constexpr std::size_t kMaxListed = 8;

double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Vec3 minus(const Vec3& a, const Vec3& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

/// All planes at one height above the first, in their order.
struct Level {
  double height_mm = 0;
  std::vector<std::size_t> planes;
};

std::vector<Level> levels_of(std::span<const Plane> planes, const Vec3& normal) {
  std::vector<Level> levels;
  std::vector<std::size_t> order(planes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto height = [&](std::size_t i) { return dot(*planes[i].position, normal); };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return height(a) < height(b); });
  for (const std::size_t i : order) {
    if (levels.empty() || height(i) - levels.back().height_mm > kSamePlane) levels.push_back({height(i), {}});
    levels.back().planes.push_back(i);
  }
  for (Level& level : levels) {
    std::stable_sort(level.planes.begin(), level.planes.end(),
                     [&](std::size_t a, std::size_t b) { return planes[a].order < planes[b].order; });
  }
  return levels;
}

/// Without positions: in their own order, one thickness apart.
std::vector<Level> levels_by_order(std::span<const Plane> planes) {
  std::vector<std::size_t> order(planes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return planes[a].order < planes[b].order; });
  std::vector<Level> levels;
  for (const std::size_t i : order) levels.push_back({static_cast<double>(levels.size()) * planes[i].thickness, {i}});
  return levels;
}

/// The commonest distance, which a few gaps do not change: the median.
double usual_distance(const std::vector<Level>& levels) {
  std::vector<double> distances;
  for (std::size_t k = 1; k < levels.size(); ++k) distances.push_back(levels[k].height_mm - levels[k - 1].height_mm);
  const auto middle = distances.begin() + static_cast<std::ptrdiff_t>((distances.size() - 1) / 2);
  std::nth_element(distances.begin(), middle, distances.end());
  return *middle;
}

void check_equal_counts(const std::vector<Level>& levels, std::string_view what) {
  const std::size_t count = levels.front().planes.size();
  for (const Level& level : levels) {
    if (level.planes.size() == count) continue;
    throw Error(
        ErrorCode::bad_input,
        fmt::format("{}: {} images at {:.2f} mm along the series, but {} at {:.2f} mm; copy the wanted images to a "
                    "folder of their own",
                    what, level.planes.size(), level.height_mm, count, levels.front().height_mm));
  }
}

void check_tilt(std::span<const Plane> planes, const std::vector<Level>& levels, const Vec3& normal,
                std::string_view what) {
  const Vec3& first = *planes[levels.front().planes[0]].position;
  const Vec3& last = *planes[levels.back().planes[0]].position;
  const Vec3 way = minus(last, first);
  const double up = dot(way, normal);
  const double sideways = std::sqrt(std::max(0.0, dot(way, way) - up * up));
  if (sideways <= kTilt * up) return;
  throw Error(
      ErrorCode::unsupported,
      fmt::format(
          "{}: its slices are sheared by {:.1f} degrees (gantry tilt); straighten it first, e.g. with dcm2niix, "
          "or in 3D Slicer's DICOM module with \"Acquisition geometry regularization\"",
          what, std::atan2(sideways, up) * kDegrees));
}

/// Numbers of steps of `distance` from each level to the next; 1 where nothing is missing.
std::vector<std::size_t> steps_between(const std::vector<Level>& levels, double distance, Stack& stack,
                                       std::string_view what) {
  std::vector<std::size_t> steps;
  std::vector<std::string> gaps;
  double worst = 0;
  for (std::size_t k = 1; k < levels.size(); ++k) {
    const double found = (levels[k].height_mm - levels[k - 1].height_mm) / distance;
    const double whole = std::max(1.0, std::round(found));
    const double off = std::abs(found - whole);
    if (off > kUneven || whole > static_cast<double>(levels.size())) {
      throw Error(
          ErrorCode::unsupported,
          fmt::format("{}: slices {:.3f} mm apart at {:.2f} mm, expected {:.3f} mm; resample the series to even "
                      "distances first, e.g. in 3D Slicer",
                      what, found * distance, levels[k - 1].height_mm, distance));
    }
    worst = std::max(worst, off);
    steps.push_back(static_cast<std::size_t>(whole));
    if (whole == 1) continue;
    stack.missing += steps.back() - 1;
    gaps.push_back(
        fmt::format("{} between {:.2f} and {:.2f} mm", steps.back() - 1, levels[k - 1].height_mm, levels[k].height_mm));
  }
  if (worst > kEven)
    stack.warnings.push_back(
        fmt::format("{}: slice distances vary by up to {:.1f} %, taken as even", what, 100 * worst));
  if (!gaps.empty()) {
    const std::size_t more = gaps.size() - std::min(gaps.size(), kMaxListed);
    gaps.resize(gaps.size() - more);
    stack.warnings.push_back(fmt::format("{}: {} slice{} missing ({}{})", what, stack.missing,
                                         stack.missing == 1 ? "" : "s", fmt::join(gaps, ", "),
                                         more > 0 ? fmt::format(", {} more gaps", more) : ""));
  }
  return steps;
}

Geometry geometry_of(const Plane& first, const Vec3& normal, const Index3& size, double distance) {
  Geometry g{size, {first.spacing_i, first.spacing_j, distance}, first.position.value_or(Vec3{0, 0, 0}), {}};
  for (int r = 0; r < 3; ++r) g.direction[r] = {first.along_i[r] + 0.0, first.along_j[r] + 0.0, normal[r] + 0.0};
  return g;
}

/// Sorting and counting below rely on numbers of a patient's size.
void check_numbers(std::span<const Plane> planes, std::string_view what) {
  constexpr double kFarthest = 1e7;
  const auto sane = [](const Vec3& v) {
    return std::all_of(v.begin(), v.end(), [](double x) { return std::abs(x) <= kFarthest; });
  };
  for (const Plane& p : planes) {
    if (sane(p.position.value_or(Vec3{})) && sane(p.along_i) && sane(p.along_j) && p.thickness <= kFarthest) continue;
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: an image position or orientation that is no place in a patient", what));
  }
}

}  // namespace

Stack stack_planes(std::span<const Plane> planes, const Index3& size_ij, bool allow_missing, std::string_view what) {
  if (planes.empty()) throw Error(ErrorCode::bad_input, fmt::format("{}: no images", what));
  check_numbers(planes, what);
  const Vec3 normal = cross(planes[0].along_i, planes[0].along_j);
  const bool placed = std::all_of(planes.begin(), planes.end(), [](const Plane& p) { return p.position.has_value(); });
  Stack stack;
  const std::vector<Level> levels = placed ? levels_of(planes, normal) : levels_by_order(planes);
  if (!placed && planes.size() > 1)
    stack.warnings.push_back(fmt::format("{}: images without a position, stacked in their order", what));
  check_equal_counts(levels, what);
  double distance = planes[0].thickness;
  std::vector<std::size_t> steps;
  if (levels.size() > 1) {
    if (placed) check_tilt(planes, levels, normal, what);
    steps = steps_between(levels, usual_distance(levels), stack, what);
    const std::size_t total = std::accumulate(steps.begin(), steps.end(), std::size_t{0});
    distance = (levels.back().height_mm - levels.front().height_mm) / static_cast<double>(total);
  }
  if (stack.missing > 0 && !allow_missing) {
    throw Error(
        ErrorCode::bad_input,
        stack.warnings.back() + "; get the whole series, or have them interpolated: sagittal convert --fill-missing");
  }
  stack.frames.resize(levels[0].planes.size());
  for (std::size_t t = 0; t < stack.frames.size(); ++t) {
    for (std::size_t k = 0; k < levels.size(); ++k) {
      if (k > 0) stack.frames[t].insert(stack.frames[t].end(), steps[k - 1] - 1, Stack::kMissing);
      stack.frames[t].push_back(levels[k].planes[t]);
    }
  }
  const Index3 size{size_ij[0], size_ij[1], static_cast<std::int64_t>(stack.frames[0].size())};
  stack.geometry = geometry_of(planes[levels.front().planes[0]], normal, size, distance);
  check_geometry(stack.geometry, std::string(what));
  return stack;
}

}  // namespace sagittal::io
