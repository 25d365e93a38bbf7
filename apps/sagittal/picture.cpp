#include "picture.h"

#include <algorithm>
#include <cmath>

namespace sagittal {
namespace {

using Rgb = std::array<double, 3>;
constexpr Rgb kMaskColour{255, 176, 0};  // orange: told from blue and grey with any colour vision
constexpr Rgb kIncludeColour{60, 220, 120};
constexpr Rgb kExcludeColour{235, 60, 80};

/// How a patient axis (0: left, 1: posterior, 2: superior) lies in the index space of the image.
struct PatientAxis {
  int index_axis = 0;
  bool reversed = false;
};

std::array<PatientAxis, 3> patient_axes(const Geometry& geometry) {
  std::array<PatientAxis, 3> axes{};
  std::array<bool, 3> taken{};
  for (int patient = 0; patient < 3; ++patient) {
    double best = -1;
    for (int index = 0; index < 3; ++index) {
      const double component = geometry.direction[patient][index];
      if (taken[index] || std::abs(component) <= best) continue;
      best = std::abs(component);
      axes[patient] = {index, component < 0};
    }
    taken[axes[patient].index_axis] = true;
  }
  return axes;
}

/// Grey value range [low, high] between two percentiles of up to 100 000 evenly spaced voxels.
std::array<float, 2> window(const std::vector<float>& voxels) {
  std::vector<float> sample;
  const std::size_t step = std::max<std::size_t>(1, voxels.size() / 100000);
  for (std::size_t v = 0; v < voxels.size(); v += step) sample.push_back(std::isfinite(voxels[v]) ? voxels[v] : 0);
  std::sort(sample.begin(), sample.end());
  const float low = sample[sample.size() / 200], high = sample[sample.size() - 1 - sample.size() / 200];
  return {low, std::max(high, std::nextafter(low, INFINITY))};
}

/// Middle of the mask's bounding box; the middle of the image when the mask is empty.
Index3 middle(std::span<const std::uint8_t> mask, const Index3& size) {
  Index3 lo = size, hi{-1, -1, -1};
  for (std::size_t v = 0; v < mask.size(); ++v) {
    if (mask[v] == 0) continue;
    const auto n = static_cast<std::int64_t>(v);
    const Index3 ijk{n % size[0], n / size[0] % size[1], n / (size[0] * size[1])};
    for (int a = 0; a < 3; ++a) lo[a] = std::min(lo[a], ijk[a]), hi[a] = std::max(hi[a], ijk[a]);
  }
  if (hi[0] < 0) return {size[0] / 2, size[1] / 2, size[2] / 2};
  return {(lo[0] + hi[0]) / 2, (lo[1] + hi[1]) / 2, (lo[2] + hi[2]) / 2};
}

struct Painter {
  const Geometry& geometry;
  const std::vector<float>& voxels;
  std::span<const std::uint8_t> mask;
  std::array<float, 2> range;

  std::size_t offset(const Index3& ijk) const {
    return static_cast<std::size_t>((ijk[2] * geometry.size[1] + ijk[1]) * geometry.size[0] + ijk[0]);
  }
  Rgb colour(const Index3& ijk, bool edge) const {
    const float grey = std::clamp((voxels[offset(ijk)] - range[0]) / (range[1] - range[0]), 0.0F, 1.0F) * 255;
    if (mask[offset(ijk)] == 0) return {grey, grey, grey};
    const double opacity = edge ? 1.0 : 0.35;
    Rgb mixed{};
    for (int c = 0; c < 3; ++c) mixed[c] = (1 - opacity) * static_cast<double>(grey) + opacity * kMaskColour[c];
    return mixed;
  }
};

/// One plane: patient axes across the picture (left to right) and down it, and the slice's index on the third.
struct Plane {
  PatientAxis across, down;
  int slice_axis = 0;
  std::int64_t slice = 0;
  int width = 0, height = 0;

  Index3 at(const Geometry& geometry, int x, int y) const {
    const auto place = [&](PatientAxis axis, int pixel, int pixels) {
      const auto n = geometry.size[axis.index_axis];
      const auto index = std::min(n - 1, static_cast<std::int64_t>((pixel + 0.5) / pixels * static_cast<double>(n)));
      return axis.reversed ? n - 1 - index : index;
    };
    Index3 ijk{};
    ijk[across.index_axis] = place(across, x, width);
    ijk[down.index_axis] = place(down, y, height);
    ijk[slice_axis] = slice;
    return ijk;
  }
};

void put(Picture& picture, int x, int y, const Rgb& colour) {
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return;
  for (int c = 0; c < 3; ++c) {
    picture.rgb[static_cast<std::size_t>((y * picture.width + x) * 3 + c)] =
        static_cast<std::uint8_t>(std::lround(colour[c]));
  }
}

void draw_plane(Picture& picture, int left, const Plane& plane, const Painter& painter) {
  for (int y = 0; y < plane.height; ++y) {
    for (int x = 0; x < plane.width; ++x) {
      const Index3 ijk = plane.at(painter.geometry, x, y);
      bool edge = false;
      for (const auto& [dx, dy] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
        const int nx = std::clamp(x + dx, 0, plane.width - 1), ny = std::clamp(y + dy, 0, plane.height - 1);
        edge |= painter.mask[painter.offset(plane.at(painter.geometry, nx, ny))] == 0;
      }
      put(picture, left + x, y, painter.colour(ijk, edge));
    }
  }
}

void draw_marker(Picture& picture, int left, const Plane& plane, const Geometry& geometry, const Marker& marker) {
  if (std::abs(marker.ijk[plane.slice_axis] - plane.slice) > kMarkerDistanceVoxels) return;
  const auto pixel = [&](PatientAxis axis, int pixels) {
    const auto n = geometry.size[axis.index_axis];
    const auto index = axis.reversed ? n - 1 - marker.ijk[axis.index_axis] : marker.ijk[axis.index_axis];
    return static_cast<int>((static_cast<double>(index) + 0.5) / static_cast<double>(n) * pixels);
  };
  const int cx = left + pixel(plane.across, plane.width), cy = pixel(plane.down, plane.height);
  for (int dy = -6; dy <= 6; ++dy) {
    for (int dx = -6; dx <= 6; ++dx) {
      const int squared = dx * dx + dy * dy;
      if (squared > 36) continue;
      put(picture, cx + dx, cy + dy,
          squared > 16 ? Rgb{255, 255, 255} : (marker.include ? kIncludeColour : kExcludeColour));
    }
  }
}

}  // namespace

Picture draw_planes(const Volume& image, std::span<const std::uint8_t> mask, std::span<const Marker> markers,
                    int panel_height) {
  const Geometry& geometry = image.geometry();
  const std::vector<float> voxels = to_float(image);
  const Painter painter{geometry, voxels, mask, window(voxels)};
  const auto [left_right, front_back, up] = patient_axes(geometry);
  const PatientAxis down{up.index_axis, !up.reversed};
  const Index3 centre = middle(mask, geometry.size);

  std::array<Plane, 3> planes{Plane{left_right, front_back, up.index_axis},
                              Plane{left_right, down, front_back.index_axis},
                              Plane{front_back, down, left_right.index_axis}};
  Picture picture;
  picture.height = panel_height;
  constexpr int gap = 8;
  for (Plane& plane : planes) {
    const auto extent_mm = [&](PatientAxis axis) {
      return static_cast<double>(geometry.size[axis.index_axis]) * geometry.spacing_mm[axis.index_axis];
    };
    plane.slice = centre[plane.slice_axis];
    plane.height = panel_height;
    plane.width = std::clamp(static_cast<int>(extent_mm(plane.across) / extent_mm(plane.down) * panel_height), 16,
                             4 * panel_height);
    picture.width += plane.width + (&plane == planes.data() ? 0 : gap);
  }
  picture.rgb.assign(static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height) * 3, 16);
  int left = 0;
  for (const Plane& plane : planes) {
    draw_plane(picture, left, plane, painter);
    for (const Marker& marker : markers) draw_marker(picture, left, plane, geometry, marker);
    left += plane.width + gap;
  }
  return picture;
}

}  // namespace sagittal
