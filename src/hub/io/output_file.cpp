#include "hub/io/output_file.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "hub/jobs/segments.h"
#include "io/dicom_dataset.h"
#include "io/file_start.h"
#include "io/image_io.h"
#include "io/segmentation_io.h"

namespace sagittal::hub {
namespace {

constexpr std::size_t kMaxText = std::size_t{64} << 20;
constexpr std::uint64_t kMaxVoxelBytes = std::uint64_t{8} << 30;
constexpr double kOutside = 0.02, kLeastOutside = 1;  // of the scan's size, in its voxels
constexpr std::string_view kSegClass = "1.2.840.10008.5.1.4.1.1.66.";

io::ReadOptions limits() {
  io::ReadOptions options;
  options.max_bytes = kMaxVoxelBytes;
  return options;
}

[[noreturn]] void refuse(std::string why) { throw Error(ErrorCode::bad_input, std::move(why)); }

bool ends_with_any(const std::string& path, std::initializer_list<const char*> endings) {
  const std::string lower = lower_case(path);
  return std::any_of(endings.begin(), endings.end(), [&](const char* ending) { return lower.ends_with(ending); });
}

/// Whether every corner of the grid lies in the scan, but for roundings.
bool lies_within(const Geometry& grid, const Geometry& scan) {
  for (int corner = 0; corner < 8; ++corner) {
    Vec3 index{};
    for (std::size_t a = 0; a < 3; ++a) index[a] = (corner >> a & 1) != 0 ? static_cast<double>(grid.size[a] - 1) : 0;
    const Vec3 in_scan = world_to_index(scan, index_to_world(grid, index));
    for (std::size_t a = 0; a < 3; ++a) {
      const auto last = static_cast<double>(scan.size[a] - 1);
      const double slack = std::max(kLeastOutside, kOutside * last);
      if (!(in_scan[a] >= -slack && in_scan[a] <= last + slack)) return false;
    }
  }
  return true;
}

void check_place(const Geometry& grid, const Staged& staged) {
  bool any = false;
  for (const StagedInput& input : staged.inputs) {
    if (!input.geometry) continue;
    if (lies_within(grid, *input.geometry)) return;
    any = true;
  }
  if (any) {
    refuse(fmt::format("its {} voxels lie outside of the scan that was given, at {:.0f}, {:.0f}, {:.0f} mm",
                       describe_shape(grid.size), grid.origin_mm[0], grid.origin_mm[1], grid.origin_mm[2]));
  }
}

/// A DICOM SEG says what it was made on: that must be the scan that was given.
void check_references(const io::Segmentation& segmentation, const Staged& staged) {
  std::set<std::string> frames, instances;
  for (const StagedInput& input : staged.inputs) {
    if (!input.frame_of_reference.empty()) frames.insert(input.frame_of_reference);
    instances.insert(input.instances.begin(), input.instances.end());
  }
  if (instances.empty() || !segmentation.dicom) return;
  const std::string& own = segmentation.dicom->frame_of_reference;
  if (!own.empty() && !frames.empty() && !frames.contains(own))
    refuse("it lies in another frame of reference than the scan that was given");
  for (const io::SourceImage& image : segmentation.dicom->images) {
    if (!instances.contains(image.instance_uid)) refuse("it refers to images that were not given to the model");
  }
}

/// Ids of segments that only this model knows.
void complete_ids(const OwnSegments& own, std::vector<OutputSegment>& segments) {
  for (OutputSegment& segment : segments) {
    if (!segment.id.empty()) continue;
    const auto found = std::find_if(own.begin(), own.end(), [&](const auto& entry) {
      return entry.second.name == segment.name || entry.first == segment.name;
    });
    if (found != own.end()) segment.id = found->first;
  }
}

JobOutput segmentation_output(const io::Segmentation& segmentation, const std::string& path, const Staged& staged) {
  JobOutput out{.path = path, .kind = "segmentation", .segments = output_segments(segmentation)};
  complete_ids(staged.steps.own_segments, out.segments);
  return out;
}

JobOutput read_dicom_output(const std::filesystem::path& file, const std::string& path, const Staged& staged) {
  const std::string kind = io::parse_file_start(file, [&](const Bytes& start, bool whole) {
    const io::DicomFile parsed = io::parse_dicom(start, path);
    if (!whole && !parsed.has_pixels) throw Error(ErrorCode::bad_input, "its header goes on");
    return parsed.dataset.text(io::tags::kSopClass);
  });
  if (!kind.starts_with(kSegClass)) return {.path = path, .kind = "file"};
  const io::Segmentation segmentation = io::read_segmentation(file, limits());
  check_references(segmentation, staged);
  check_place(segmentation.geometry, staged);
  return segmentation_output(segmentation, path, staged);
}

JobOutput read_volume_output(const std::filesystem::path& file, const OutputHints& hints, const Staged& staged) {
  const bool describes_itself = io::holds_segments(file);
  if (!hints.is_segmentation && !describes_itself && hints.labels.empty()) {
    check_place(io::describe_image(file, limits()).geometry, staged);
    static_cast<void>(io::read_image(file, limits()));
    return {.path = hints.path, .kind = "image"};
  }
  io::Segmentation segmentation = io::read_segmentation(file, limits());
  check_references(segmentation, staged);
  check_place(segmentation.geometry, staged);
  if (!describes_itself) name_segments(hints.labels, staged.steps.own_segments, segmentation);
  return segmentation_output(segmentation, hints.path, staged);
}

JobOutput read_json_output(const std::filesystem::path& file, const std::string& path) {
  static_cast<void>(parse_json(as_text(read_file(file, kMaxText)), path));
  return {.path = path, .kind = "json"};
}

/// Lines of text, the first of which has columns.
JobOutput read_table_output(const std::filesystem::path& file, const std::string& path) {
  const Bytes bytes = read_file(file, kMaxText);
  const std::string_view text = as_text(bytes);
  const std::string_view titles = text.substr(0, text.find('\n'));
  if (text.find('\0') != std::string_view::npos || titles.find_first_of(",;\t") == std::string_view::npos)
    refuse("it is no table: its first line has no columns");
  return {.path = path, .kind = "table"};
}

}  // namespace

JobOutput read_output(const std::filesystem::path& file, const OutputHints& hints, const Staged& staged) {
  const std::string& path = hints.path;
  const Bytes start = io::read_file_start(file, 4096);
  if (start.empty()) refuse("it is empty");
  const bool is_dicom = io::looks_like_dicom(start);
  if (ends_with_any(path, {".dcm"}) && !is_dicom) refuse("it is no DICOM file");
  if (is_dicom && !ends_with_any(path, {".nii", ".gz", ".mha", ".nrrd", ".json", ".csv"}))
    return read_dicom_output(file, path, staged);
  if (ends_with_any(path, {".nii", ".nii.gz", ".mha", ".nrrd"})) return read_volume_output(file, hints, staged);
  if (ends_with_any(path, {".json"})) return read_json_output(file, path);
  if (ends_with_any(path, {".csv", ".tsv"})) return read_table_output(file, path);
  return {.path = path, .kind = "file"};
}

}  // namespace sagittal::hub
