#include "io/segmentation.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/error.h"
#include "terms/terms.h"

namespace sagittal::io {
namespace {

constexpr std::int64_t kMaxNumber = 65535;

/// Grows a box voxel by voxel along rows.
struct Bounds {
  Box box{{INT64_MAX, INT64_MAX, INT64_MAX}, {0, 0, 0}};

  void add(std::int64_t i_begin, std::int64_t i_end, std::int64_t j, std::int64_t k) {
    box = hull(box, {{i_begin, j, k}, {i_end, j + 1, k + 1}});
  }
  Box result() const { return box.empty() ? Box{} : box; }
};

/// Where voxel (i, j, k) of a box is among its values.
std::size_t offset_in(const Box& box, std::int64_t i, std::int64_t j, std::int64_t k) {
  const Index3 size = box.size();
  return static_cast<std::size_t>(((k - box.lo[2]) * size[1] + j - box.lo[1]) * size[0] + i - box.lo[0]);
}

/// Calls f(j, k) for each row of a box.
template <class F>
void for_each_row(const Box& box, F&& f) {
  for (std::int64_t k = box.lo[2]; k < box.hi[2]; ++k) {
    for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) f(j, k);
  }
}

bool overlap(const SegmentMask& a, const SegmentMask& b) {
  const Box common = intersect(a.bounds_ijk, b.bounds_ijk);
  if (common.empty()) return false;
  bool found = false;
  for_each_row(common, [&](std::int64_t j, std::int64_t k) {
    const std::size_t at_a = offset_in(a.bounds_ijk, common.lo[0], j, k);
    const std::size_t at_b = offset_in(b.bounds_ijk, common.lo[0], j, k);
    for (std::size_t i = 0; i < static_cast<std::size_t>(common.size()[0]) && !found; ++i)
      found = a.values[at_a + i] != 0 && b.values[at_b + i] != 0;
  });
  return found;
}

template <class T>
std::int64_t label_of(T voxel) {
  const auto value = static_cast<double>(voxel);
  if (value >= 0 && value <= static_cast<double>(kMaxNumber) && value == std::floor(value))
    return static_cast<std::int64_t>(value);
  throw Error(ErrorCode::bad_input, fmt::format("a voxel of {}, expected labels from 0 to {}", value, kMaxNumber));
}

/// Bounds of every label in use.
template <class T>
std::map<std::int64_t, Bounds> label_bounds(std::span<const T> voxels, const Index3& size) {
  std::map<std::int64_t, Bounds> bounds;
  std::size_t n = 0;
  for_each_row(whole(size), [&](std::int64_t j, std::int64_t k) {
    for (std::int64_t i = 0; i < size[0];) {
      const T value = voxels[n + static_cast<std::size_t>(i)];
      std::int64_t end = i + 1;
      while (end < size[0] && voxels[n + static_cast<std::size_t>(end)] == value) ++end;
      if (value != T{0}) bounds[label_of(value)].add(i, end, j, k);
      i = end;
    }
    n += static_cast<std::size_t>(size[0]);
  });
  return bounds;
}

template <class T>
void fill_masks(std::span<const T> voxels, const Index3& size, std::vector<Segment>& segments) {
  for (Segment& segment : segments) {
    const Box& box = segment.mask.bounds_ijk;
    segment.mask.values.resize(static_cast<std::size_t>(box.volume()));
    const T label = static_cast<T>(segment.number);
    for_each_row(box, [&](std::int64_t j, std::int64_t k) {
      const T* from = voxels.data() + (k * size[1] + j) * size[0];
      const std::size_t to = offset_in(box, 0, j, k);
      for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i)
        segment.mask.values[to + static_cast<std::size_t>(i)] = from[i] == label ? 1 : 0;
    });
  }
}

template <class T>
Volume labels_as(const Segmentation& s) {
  Buffer voxels(static_cast<std::size_t>(s.geometry.voxel_count()) * sizeof(T));
  const auto out = voxels.as<T>();
  std::fill(out.begin(), out.end(), T{0});
  for (const Segment& segment : s.segments) {
    const Box& box = segment.mask.bounds_ijk;
    for_each_row(box, [&](std::int64_t j, std::int64_t k) {
      T* to = out.data() + (k * s.geometry.size[1] + j) * s.geometry.size[0];
      const std::size_t from = offset_in(box, 0, j, k);
      for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i)
        if (segment.mask.values[from + static_cast<std::size_t>(i)] != 0) to[i] = static_cast<T>(segment.number);
    });
  }
  return Volume(s.geometry, scalar_type_of<T>(), std::move(voxels));
}

void check_no_overlap(const Segmentation& s) {
  for (std::size_t a = 0; a < s.segments.size(); ++a) {
    for (std::size_t b = a + 1; b < s.segments.size(); ++b) {
      if (!overlap(s.segments[a].mask, s.segments[b].mask)) continue;
      throw Error(ErrorCode::unsupported,
                  fmt::format("segments \"{}\" and \"{}\" overlap, which a file of labels cannot hold; write .seg.nrrd "
                              "or .dcm instead",
                              s.segments[a].name, s.segments[b].name));
    }
  }
}

}  // namespace

std::string_view name_of(AlgorithmType type) {
  switch (type) {
    case AlgorithmType::automatic:
      return "AUTOMATIC";
    case AlgorithmType::semiautomatic:
      return "SEMIAUTOMATIC";
    case AlgorithmType::manual:
      break;
  }
  return "MANUAL";
}

AlgorithmType algorithm_type_from_name(std::string_view name) {
  for (const auto type : {AlgorithmType::automatic, AlgorithmType::semiautomatic})
    if (name == name_of(type)) return type;
  return AlgorithmType::manual;
}

SegmentMask crop_mask(std::span<const std::uint8_t> voxels, const Index3& size) {
  Bounds bounds;
  for_each_row(whole(size), [&](std::int64_t j, std::int64_t k) {
    const auto row =
        voxels.subspan(static_cast<std::size_t>((k * size[1] + j) * size[0]), static_cast<std::size_t>(size[0]));
    const auto set = [](std::uint8_t v) { return v != 0; };
    const auto first = std::find_if(row.begin(), row.end(), set);
    if (first == row.end()) return;
    const auto last = std::find_if(row.rbegin(), row.rend(), set);
    bounds.add(first - row.begin(), row.rend() - last, j, k);
  });
  SegmentMask mask{bounds.result(), {}};
  mask.values.resize(static_cast<std::size_t>(mask.bounds_ijk.volume()));
  for_each_row(mask.bounds_ijk, [&](std::int64_t j, std::int64_t k) {
    const auto from = voxels.begin() + (k * size[1] + j) * size[0];
    std::copy(
        from + mask.bounds_ijk.lo[0], from + mask.bounds_ijk.hi[0],
        mask.values.begin() + static_cast<std::ptrdiff_t>(offset_in(mask.bounds_ijk, mask.bounds_ijk.lo[0], j, k)));
  });
  return mask;
}

void paste_mask(const SegmentMask& mask, const Index3& size, std::span<std::uint8_t> voxels) {
  std::fill(voxels.begin(), voxels.end(), std::uint8_t{0});
  const Box& box = mask.bounds_ijk;
  for_each_row(box, [&](std::int64_t j, std::int64_t k) {
    const auto from = mask.values.begin() + static_cast<std::ptrdiff_t>(offset_in(box, box.lo[0], j, k));
    std::copy(from, from + box.size()[0], voxels.begin() + (k * size[1] + j) * size[0] + box.lo[0]);
  });
}

Segmentation segments_of_labels(const Volume& labels) {
  Segmentation out;
  out.geometry = labels.geometry();
  visit_voxels(labels, [&](auto voxels) {
    for (const auto& [label, bounds] : label_bounds(voxels, out.geometry.size)) {
      Segment segment;
      segment.number = label;
      segment.name = fmt::format("Segment {}", label);
      segment.colour = default_colour(label);
      segment.mask.bounds_ijk = bounds.result();
      out.segments.push_back(std::move(segment));
    }
    fill_masks(voxels, out.geometry.size, out.segments);
  });
  return out;
}

Volume labels_of(const Segmentation& s) {
  if (s.kind != SegmentationKind::binary) {
    throw Error(ErrorCode::unsupported,
                "its segments are fractions, which a file of labels cannot hold; write .seg.nrrd or .dcm instead");
  }
  check_no_overlap(s);
  const bool small = std::all_of(s.segments.begin(), s.segments.end(), [](const Segment& g) { return g.number < 256; });
  return small ? labels_as<std::uint8_t>(s) : labels_as<std::uint16_t>(s);
}

std::vector<std::vector<std::size_t>> layers_of(const Segmentation& s) {
  std::vector<std::vector<std::size_t>> layers;
  for (std::size_t n = 0; n < s.segments.size(); ++n) {
    const auto fits = [&](const std::vector<std::size_t>& layer) {
      return s.kind == SegmentationKind::binary && std::none_of(layer.begin(), layer.end(), [&](std::size_t other) {
               return overlap(s.segments[n].mask, s.segments[other].mask);
             });
    };
    const auto found = std::find_if(layers.begin(), layers.end(), fits);
    if (found == layers.end()) {
      layers.push_back({n});
    } else {
      found->push_back(n);
    }
  }
  return layers;
}

Rgb default_colour(std::int64_t number) {
  constexpr double golden = 0.618033988749895, saturation = 0.55, value = 0.9;
  const double hue = 6 * std::fmod(static_cast<double>(number) * golden, 1.0);
  Rgb colour{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double k = std::fmod(5 - 2 * static_cast<double>(c) + hue, 6.0);
    const double level = value * (1 - saturation * std::clamp(std::min(k, 4 - k), 0.0, 1.0));
    colour[c] = static_cast<std::uint8_t>(std::lround(255 * level));
  }
  return colour;
}

bool name_segment(Segment& segment, std::string_view name) {
  const auto term = terms::find_term(name);
  if (!term) {
    segment.name = name;
    return false;
  }
  segment.name = term->name;
  segment.colour = term->colour;
  segment.cielab.reset();
  segment.codes = term->codes;
  return true;
}

void check_segmentation(const Segmentation& s, std::string_view what) {
  check_geometry(s.geometry, std::string(what));
  std::set<std::int64_t> numbers;
  for (const Segment& segment : s.segments) {
    const Box& box = segment.mask.bounds_ijk;
    const bool numbered = segment.number >= 1 && segment.number <= kMaxNumber && numbers.insert(segment.number).second;
    const bool inside = box.empty() || intersect(box, whole(s.geometry.size)) == box;
    const bool filled = segment.mask.values.size() == static_cast<std::size_t>(box.volume()) &&
                        std::all_of(segment.mask.values.begin(), segment.mask.values.end(),
                                    [&](std::uint8_t v) { return v <= s.max_value; });
    if (numbered && inside && filled) continue;
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: segment {} \"{}\" has {}", what, segment.number, segment.name,
                            !numbered ? "a number that is taken or beyond 65535" : "voxels outside its grid or range"));
  }
}

}  // namespace sagittal::io
