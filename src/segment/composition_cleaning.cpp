#include "segment/composition_cleaning.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <vector>

#include "volume/components.h"

namespace sagittal::segment {
namespace {

constexpr double kSmallestExtremityMm3 = 50000;
constexpr float kSmallestVertebraMm3 = 100;
constexpr float kVertebraMm = 3, kRefinedMm = 2;
constexpr std::uint8_t kC1 = 1, kL5 = 24;

Index3 shape_of(const Geometry& geometry) { return {geometry.size[2], geometry.size[1], geometry.size[0]}; }

/// As float32: the original reads it from a NIfTI header.
float spacing_of(const Geometry& geometry, std::size_t axis) { return static_cast<float>(geometry.spacing_mm[axis]); }
float voxel_mm3(const Geometry& geometry) {
  return spacing_of(geometry, 0) * spacing_of(geometry, 1) * spacing_of(geometry, 2);
}

std::vector<std::uint8_t> copy_of(const Volume& labels) {
  const std::span<const std::uint8_t> values = labels.as<std::uint8_t>();
  return {values.begin(), values.end()};
}

/// The labels that are there.
std::array<bool, 256> present_in(std::span<const std::uint8_t> labels) {
  std::array<bool, 256> present{};
  for (const std::uint8_t label : labels) present[label] = true;
  return present;
}

void fill(std::vector<std::uint8_t>& labels, const Components::Run& run, std::int64_t line, std::uint8_t value) {
  std::fill_n(labels.begin() + run.row * line + run.begin, run.end - run.begin, value);
}

/// Offsets of the original's ellipsoid. On an axis where its radius is no whole number of voxels it has one offset more
/// on the lower side.
std::vector<Index3> ellipsoid(const Geometry& geometry, float mm) {
  std::array<std::vector<double>, 3> squares;  // of each offset, over the radius
  for (std::size_t a = 0; a < 3; ++a) {
    const float radius = mm / spacing_of(geometry, a);
    const float squared = radius * radius;
    const auto count = static_cast<std::int64_t>(std::ceil((radius + 1) - -radius));
    for (std::int64_t n = 0; n < count; ++n) {
      const double x = static_cast<double>(n) - static_cast<double>(radius);
      squares[a].push_back(x * x / static_cast<double>(squared));
    }
  }
  const auto centre = [&](std::size_t a) { return static_cast<std::int64_t>(squares[a].size() / 2); };
  std::vector<Index3> offsets;
  for (std::size_t i = 0; i < squares[0].size(); ++i) {
    for (std::size_t j = 0; j < squares[1].size(); ++j) {
      for (std::size_t k = 0; k < squares[2].size(); ++k) {
        if (!(squares[0][i] + squares[1][j] + squares[2][k] <= 1)) continue;
        offsets.push_back({static_cast<std::int64_t>(i) - centre(0), static_cast<std::int64_t>(j) - centre(1),
                           static_cast<std::int64_t>(k) - centre(2)});
      }
    }
  }
  return offsets;
}

/// Each label grows into what is none, the lower labels first.
Volume grown(const Volume& labels, float mm) {
  const Geometry& geometry = labels.geometry();
  const Index3& size = geometry.size;
  const std::vector<Index3> offsets = ellipsoid(geometry, mm);
  std::array<std::vector<Index3>, 256> voxels;
  const std::span<const std::uint8_t> values = labels.as<std::uint8_t>();
  std::size_t n = 0;
  for (std::int64_t k = 0; k < size[2]; ++k) {
    for (std::int64_t j = 0; j < size[1]; ++j) {
      for (std::int64_t i = 0; i < size[0]; ++i, ++n) {
        if (values[n] != 0) voxels[values[n]].push_back({i, j, k});
      }
    }
  }
  std::vector<std::uint8_t> out = copy_of(labels);
  for (std::size_t label = 1; label < voxels.size(); ++label) {
    for (const Index3& at : voxels[label]) {
      for (const Index3& by : offsets) {
        const std::int64_t i = at[0] + by[0], j = at[1] + by[1], k = at[2] + by[2];
        if (i < 0 || j < 0 || k < 0 || i >= size[0] || j >= size[1] || k >= size[2]) continue;
        std::uint8_t& there = out[static_cast<std::size_t>((k * size[1] + j) * size[0] + i)];
        if (there == 0) there = static_cast<std::uint8_t>(label);
      }
    }
  }
  return make_volume<std::uint8_t>(geometry, out);
}

bool labels_touch(const Volume& labels) {
  const Index3& size = labels.geometry().size;
  const std::span<const std::uint8_t> values = labels.as<std::uint8_t>();
  const auto differ = [&](std::int64_t a, std::int64_t b) {
    const std::uint8_t one = values[static_cast<std::size_t>(a)], other = values[static_cast<std::size_t>(b)];
    return one != 0 && other != 0 && one != other;
  };
  const std::int64_t line = size[0], plane = size[0] * size[1];
  for (std::int64_t n = 0; n < plane * size[2]; ++n) {
    if (n % line > 0 && differ(n, n - 1)) return true;
    if (n % plane >= line && differ(n, n - line)) return true;
    if (n >= plane && differ(n, n - plane)) return true;
  }
  return false;
}

/// A connected part: its size, where it lies along k, and its first voxel as [i, j, k], which decides between equals.
struct Part {
  double voxels = 0, k = 0;
  Index3 first{};
  std::int32_t component = 0;
};

std::vector<Part> parts_of(const Components& components, const Geometry& geometry) {
  std::vector<Part> all(components.sizes().size());
  for (std::size_t n = 0; n < all.size(); ++n) {
    all[n] = {static_cast<double>(components.sizes()[n]), 0, geometry.size, static_cast<std::int32_t>(n)};
  }
  for (const Components::Run& run : components.runs()) {
    Part& part = all[static_cast<std::size_t>(run.component)];
    const std::int64_t j = run.row % geometry.size[1], k = run.row / geometry.size[1];
    part.k += static_cast<double>(k * (run.end - run.begin)) / part.voxels;
    part.first = std::min(part.first, Index3{run.begin, j, k});
  }
  return all;
}

/// Vertebral bodies that are large enough, from inferior to superior or the other way.
std::vector<Part> bodies_in_order(const Components& components, const Geometry& geometry, bool from_above) {
  std::vector<Part> all = parts_of(components, geometry);
  const auto mm3 = static_cast<double>(voxel_mm3(geometry));
  std::erase_if(all, [mm3](const Part& part) { return !(part.voxels * mm3 >= kSmallestVertebraMm3); });
  std::sort(all.begin(), all.end(), [from_above](const Part& a, const Part& b) {
    return std::tuple(from_above ? -a.k : a.k, a.first) < std::tuple(from_above ? -b.k : b.k, b.first);
  });
  return all;
}

/// Of one label, its largest part.
Volume with_one_part(const Volume& labels, std::uint8_t label) {
  const Geometry& geometry = labels.geometry();
  const Components components(labels.as<std::uint8_t>(), shape_of(geometry), label, Connectivity::faces);
  const std::vector<Part> parts = parts_of(components, geometry);
  const auto largest = std::min_element(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
    return std::tuple(-a.voxels, a.first) < std::tuple(-b.voxels, b.first);
  });
  std::vector<std::uint8_t> kept = copy_of(labels);
  for (const Components::Run& run : components.runs()) {
    if (run.component != largest->component) fill(kept, run, geometry.size[0], 0);
  }
  return make_volume<std::uint8_t>(geometry, kept);
}

/// The label that counting begins with: C1 from above, the last that is there from below.
int first_label(const std::array<bool, 256>& present, bool from_above) {
  int label = from_above ? kC1 : kL5;
  while (!from_above && label > 0 && !present[static_cast<std::size_t>(label)]) --label;
  return label;
}

}  // namespace

Volume without_small_parts(const Volume& labels, int first, int last, double mm3) {
  const Geometry& geometry = labels.geometry();
  const auto most = static_cast<double>(static_cast<float>(mm3) / voxel_mm3(geometry));
  std::vector<std::uint8_t> kept = copy_of(labels);
  const auto present = present_in(kept);
  for (int label = first; label <= last; ++label) {
    if (!present[static_cast<std::size_t>(label)]) continue;
    const Components parts(labels.as<std::uint8_t>(), shape_of(geometry), static_cast<std::uint8_t>(label),
                           Connectivity::faces);
    for (const Components::Run& run : parts.runs()) {
      const auto size = static_cast<double>(parts.sizes()[static_cast<std::size_t>(run.component)]);
      if (size <= most) fill(kept, run, geometry.size[0], 0);
    }
  }
  return make_volume<std::uint8_t>(geometry, kept);
}

Volume clean_body(const Volume& labels) {
  return without_small_parts(with_one_part(labels, 1), 2, 2, kSmallestExtremityMm3);
}

Volume separate_vertebrae(const Volume& labels) {
  if (!labels_touch(labels)) return grown(labels, kVertebraMm);
  const Geometry& geometry = labels.geometry();
  const std::span<const std::uint8_t> values = labels.as<std::uint8_t>();
  std::vector<std::uint8_t> mask(values.size());
  std::transform(values.begin(), values.end(), mask.begin(), [](std::uint8_t label) { return label != 0 ? 1 : 0; });
  const Components components(mask, shape_of(geometry), 1, Connectivity::faces);

  std::vector<Part> bodies = bodies_in_order(components, geometry, false);
  std::vector<std::uint8_t> number(components.sizes().size(), 0);  // by component, what it becomes
  for (const Part& body : bodies) number[static_cast<std::size_t>(body.component)] = 1;
  std::vector<std::uint8_t> out(values.size(), 0);
  for (const Components::Run& run : components.runs()) {
    if (number[static_cast<std::size_t>(run.component)] == 0) continue;
    const std::int64_t begin = run.row * geometry.size[0];
    std::copy(values.begin() + begin + run.begin, values.begin() + begin + run.end, out.begin() + begin + run.begin);
  }
  const auto present = present_in(out);
  const bool from_above = !present[kL5] && present[kC1];
  if (from_above) bodies = bodies_in_order(components, geometry, true);
  int label = first_label(present, from_above);
  std::fill(number.begin(), number.end(), std::uint8_t{0});
  for (const Part& body : bodies) {
    if (label < kC1 || label > kL5) break;
    number[static_cast<std::size_t>(body.component)] = static_cast<std::uint8_t>(label);
    label += from_above ? 1 : -1;
  }
  for (const Components::Run& run : components.runs()) {
    fill(out, run, geometry.size[0], number[static_cast<std::size_t>(run.component)]);
  }
  return grown(make_volume<std::uint8_t>(geometry, out), kVertebraMm);
}

Volume refine_vertebrae(const Volume& labels, const Volume& bodies) {
  std::vector<std::uint8_t> out = copy_of(grown(labels, kRefinedMm));
  const std::span<const std::uint8_t> body = bodies.as<std::uint8_t>();
  for (std::size_t n = 0; n < out.size(); ++n) {
    if (body[n] != 1) out[n] = 0;
  }
  return make_volume<std::uint8_t>(labels.geometry(), out);
}

}  // namespace sagittal::segment
