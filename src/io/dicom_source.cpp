#include <cmath>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_seg.h"
#include "io/dicom_series.h"
#include "io/dicom_text.h"

namespace sagittal::io {
namespace {

constexpr double kSameVoxel = 0.01;  // of one voxel: what float32 affines and decimal strings round away

std::vector<DicomImages> series_at(const std::filesystem::path& path, const ReadOptions& options) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) return find_dicom_series(path, options);
  const MappedFile file(path);
  if (!looks_like_dicom(file.bytes())) {
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: not DICOM, but a DICOM SEG refers to the DICOM series it was made on", path.string()));
  }
  return images_of_file(file.bytes(), path);
}

/// Patient and study, from the first file; each file's identity.
struct Identity {
  std::string series_uid, class_uid, instance_uid;
};

Identity identity_of(const DicomDataset& d) {
  return {d.text(tags::kSeriesUid), d.text(tags::kSopClass), d.text(tags::kSopInstance)};
}

void copy_subject(const DicomDataset& d, DicomContext& context) {
  const std::string character_set = d.stored_text(tags::kCharacterSet);
  for (const DicomTag tag : tags::kSubject) {
    std::string text = utf8_of(d.stored_text(tag), character_set);
    if (!text.empty()) context.attributes[tag] = std::move(text);
  }
  if (std::string part = d.text(tags::kBodyPart); !part.empty()) context.attributes[tags::kBodyPart] = std::move(part);
  context.frame_of_reference = d.text(tags::kFrameOfReference);
}

/// How the index axes of one grid run in another: to[axis[a]] = sign[a] * from[a] + offset[axis[a]].
struct AxisMap {
  std::array<std::size_t, 3> axis{};
  std::array<std::int64_t, 3> sign{1, 1, 1};
  Index3 offset{};

  Index3 apply(const Index3& from) const {
    Index3 to{};
    for (std::size_t a = 0; a < 3; ++a) to[axis[a]] = sign[a] * from[a] + offset[axis[a]];
    return to;
  }
};

Vec3 unit(std::size_t axis, double length) {
  Vec3 v{};
  v[axis] = length;
  return v;
}

/// Nothing unless each voxel of `from` is one of `to`.
std::optional<AxisMap> axis_map(const Geometry& from, const Geometry& to) {
  AxisMap map;
  const Vec3 zero = world_to_index(to, index_to_world(from, {0, 0, 0}));
  for (std::size_t r = 0; r < 3; ++r) {
    if (!(std::abs(zero[r] - std::round(zero[r])) <= kSameVoxel) || !(std::abs(zero[r]) < 1e6)) return std::nullopt;
    map.offset[r] = std::llround(zero[r]);
  }
  for (std::size_t a = 0; a < 3; ++a) {
    const auto length = static_cast<double>(std::max<std::int64_t>(from.size[a] - 1, 1));
    Vec3 step = world_to_index(to, index_to_world(from, unit(a, length)));
    std::size_t main = 0;
    for (std::size_t r = 0; r < 3; ++r) {
      step[r] -= zero[r];
      if (std::abs(step[r]) > std::abs(step[main])) main = r;
    }
    for (std::size_t r = 0; r < 3; ++r) {
      const double expected = r == main ? std::copysign(length, step[r]) : 0;
      if (!(std::abs(step[r] - expected) <= kSameVoxel)) return std::nullopt;
    }
    map.axis[a] = main;
    map.sign[a] = step[main] < 0 ? -1 : 1;
    const std::int64_t first = map.offset[main], last = first + map.sign[a] * (from.size[a] - 1);
    if (std::min(first, last) < 0 || std::max(first, last) >= to.size[main]) return std::nullopt;
  }
  const bool permutes = (1U << map.axis[0] | 1U << map.axis[1] | 1U << map.axis[2]) == 7;
  return permutes ? std::optional(map) : std::nullopt;
}

SegmentMask moved(const SegmentMask& mask, const AxisMap& map) {
  if (mask.bounds_ijk.empty()) return mask;
  const Box& from = mask.bounds_ijk;
  const Index3 a = map.apply(from.lo), b = map.apply({from.hi[0] - 1, from.hi[1] - 1, from.hi[2] - 1});
  SegmentMask out;
  for (std::size_t r = 0; r < 3; ++r) {
    out.bounds_ijk.lo[r] = std::min(a[r], b[r]);
    out.bounds_ijk.hi[r] = std::max(a[r], b[r]) + 1;
  }
  const Box& to = out.bounds_ijk;
  const Index3 size = to.size();
  out.values.resize(mask.values.size());
  std::size_t n = 0;
  for (std::int64_t k = from.lo[2]; k < from.hi[2]; ++k)
    for (std::int64_t j = from.lo[1]; j < from.hi[1]; ++j)
      for (std::int64_t i = from.lo[0]; i < from.hi[0]; ++i, ++n) {
        const Index3 p = map.apply({i, j, k});
        out.values[static_cast<std::size_t>(((p[2] - to.lo[2]) * size[1] + p[1] - to.lo[1]) * size[0] + p[0] -
                                            to.lo[0])] = mask.values[n];
      }
  return out;
}

}  // namespace

DicomSource read_dicom_source(const std::filesystem::path& path, const ReadOptions& options) {
  ReadOptions lenient = options;
  lenient.fill_missing_slices = true;
  const auto series = series_at(path, lenient);
  return dicom_source_of(choose_series(series, lenient, path.string()), options);
}

DicomSource dicom_source_of(const DicomImages& images, const ReadOptions& options, const DicomOpener& open) {
  ReadOptions lenient = options;
  lenient.fill_missing_slices = true;
  const Stack stack = stack_of(images, lenient);
  const auto& slices = stack.frames[chosen_frame(stack, images, lenient)];
  DicomSource source{{}, stack.geometry};
  std::map<std::size_t, Identity> files;
  for (std::size_t k = 0; k < slices.size(); ++k) {
    if (slices[k] == Stack::kMissing) continue;
    const DicomPlane& plane = images.planes[slices[k]];
    auto found = files.find(plane.file);
    if (found == files.end()) {
      const auto& path = images.files[plane.file];
      const DicomBytes file = open ? open(path) : open_dicom_file(path);
      const DicomFile parsed = parse_dicom(file.bytes, path.string());
      if (files.empty()) copy_subject(parsed.dataset, source.context);
      found = files.emplace(plane.file, identity_of(parsed.dataset)).first;
    }
    const Identity& id = found->second;
    if (id.class_uid.empty() || id.instance_uid.empty() || id.series_uid.empty()) continue;  // cannot be referred to
    source.context.images.push_back({id.series_uid, id.class_uid, id.instance_uid,
                                     images.frames_in_file[plane.file] > 1 ? plane.frame + 1 : 0,
                                     static_cast<std::int64_t>(k)});
  }
  return source;
}

Segmentation placed_on(const Segmentation& segmentation, const DicomSource& source) {
  const auto map = axis_map(segmentation.geometry, source.geometry);
  if (!map) {
    throw Error(ErrorCode::bad_input,
                fmt::format("the segmentation, {} voxels with {} axes, lies off the grid of the DICOM series, {} "
                            "voxels and {} axes at {:.3f}, {:.3f}, {:.3f}; resample it to the series first",
                            describe_shape(segmentation.geometry.size), orientation_code(segmentation.geometry),
                            describe_shape(source.geometry.size), orientation_code(source.geometry),
                            source.geometry.origin_mm[0], source.geometry.origin_mm[1], source.geometry.origin_mm[2]));
  }
  Segmentation out = segmentation;
  out.geometry = source.geometry;
  for (Segment& segment : out.segments) segment.mask = moved(segment.mask, *map);
  out.dicom = source.context;
  if (segmentation.dicom) {  // what it says of itself is its own
    for (const DicomTag tag : tags::kOfSegmentation) {
      const auto own = segmentation.dicom->attributes.find(tag);
      if (own != segmentation.dicom->attributes.end()) out.dicom->attributes[tag] = own->second;
    }
  }
  return out;
}

}  // namespace sagittal::io
