#include "hub/io/dicom_folder.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include <fmt/format.h>

#include "base/error.h"
#include "hub/plain_text.h"
#include "io/dicom_dataset.h"
#include "io/dicom_tags.h"
#include "io/file_start.h"

namespace sagittal::hub {
namespace {

namespace tags = io::tags;

constexpr std::size_t kMaxFiles = 200'000;
constexpr std::string_view kDirectoryClass = "1.2.840.10008.1.3.10";

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  std::error_code failure;
  if (!std::filesystem::is_directory(path, failure)) return {path};
  std::vector<std::filesystem::path> files;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  for (std::filesystem::recursive_directory_iterator at(path, options, failure), end; !failure && at != end;
       at.increment(failure)) {
    std::error_code unknown;
    if (at->is_regular_file(unknown)) files.push_back(at->path());
    if (files.size() > kMaxFiles) {
      throw Error(ErrorCode::too_large,
                  fmt::format("{}: more than {} files; name the folder of the series", path.string(), kMaxFiles));
    }
  }
  if (failure) throw Error(ErrorCode::io, fmt::format("cannot list {}: {}", path.string(), failure.message()));
  std::sort(files.begin(), files.end());
  return files;
}

/// Follows a path of sequences to a text, always by the first item.
std::string text_behind(const io::DicomDataset& dataset, std::initializer_list<io::DicomTag> sequences,
                        io::DicomTag tag) {
  const io::DicomDataset* at = &dataset;
  for (const io::DicomTag sequence : sequences) {
    at = at->item(sequence);
    if (at == nullptr) return {};
  }
  return at->text(tag);
}

std::string referenced_series(const io::DicomDataset& d, const std::string& modality) {
  if (modality == "SEG") return text_behind(d, {tags::kReferencedSeries}, tags::kSeriesUid);
  if (modality != "RTSTRUCT") return {};
  return text_behind(d, {tags::kReferencedFrameOfReference, tags::kRtReferencedStudy, tags::kRtReferencedSeries},
                     tags::kSeriesUid);
}

bool is_placed(const io::DicomDataset& d) {
  if (!d.items(tags::kFrameGroups).empty()) return true;  // each frame says it; stacking looks at them
  return d.vector(tags::kPosition) && d.numbers(tags::kOrientation).size() == 6 &&
         d.numbers(tags::kPixelSpacing).size() == 2;
}

/// Nothing where the file holds no object that can be staged.
std::optional<DicomObject> read_object(const std::filesystem::path& path, std::string& description) {
  return io::parse_file_start(path, [&](const Bytes& start, bool whole) -> std::optional<DicomObject> {
    if (!io::looks_like_dicom(start)) return std::nullopt;
    const io::DicomFile file = io::parse_dicom(start, path.string());
    if (!whole && !file.has_pixels) throw Error(ErrorCode::bad_input, "its header goes on");
    const io::DicomDataset& d = file.dataset;
    DicomObject object{.path = path,
                       .series_uid = d.text(tags::kSeriesUid),
                       .instance_uid = d.text(tags::kSopInstance),
                       .study_uid = d.text(tags::kStudyUid),
                       .modality = d.text(tags::kModality),
                       .frame_of_reference = d.text(tags::kFrameOfReference),
                       .referenced_series = {},
                       .is_placed = is_placed(d)};
    if (d.text(tags::kSopClass) == kDirectoryClass || object.modality.empty()) return std::nullopt;
    object.referenced_series = referenced_series(d, object.modality);
    description = plain_line(d.text(tags::kSeriesDescription), 200);
    return object;
  });
}

bool same_bytes(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code failure;
  if (std::filesystem::equivalent(a, b, failure)) return true;
  if (std::filesystem::file_size(a, failure) != std::filesystem::file_size(b, failure) || failure) return false;
  const MappedFile first(a), second(b);
  return std::equal(first.bytes().begin(), first.bytes().end(), second.bytes().begin(), second.bytes().end());
}

void check_uids(const DicomObject& object) {
  for (const std::string* uid : {&object.series_uid, &object.instance_uid}) {
    if (is_uid(*uid)) continue;
    throw Error(ErrorCode::bad_input,
                fmt::format("{}: '{}' is no DICOM UID", object.path.string(), plain_line(*uid, 80)));
  }
}

}  // namespace

bool is_uid(std::string_view text) {
  if (text.empty() || text.size() > 64 || text.front() == '.' || text.back() == '.') return false;
  if (text.find("..") != std::string_view::npos) return false;
  return text.find_first_not_of("0123456789.") == std::string_view::npos;
}

DicomFolder find_dicom_objects(const std::filesystem::path& path, const RunControl& control) {
  DicomFolder found;
  for (const auto& file : files_of(path)) {
    control.check();
    std::string description;
    const auto object = read_object(file, description);
    if (!object) continue;
    if (object->instance_uid.empty() || object->series_uid.empty()) {
      ++found.without_uid;
      continue;
    }
    check_uids(*object);
    DicomObjects& series = found.series[object->series_uid];
    if (series.objects.empty()) series = {object->series_uid, object->modality, std::move(description), {}};
    const auto [there, is_new] = series.objects.emplace(object->instance_uid, *object);
    if (!is_new && !same_bytes(there->second.path, file)) {
      throw Error(ErrorCode::bad_input,
                  fmt::format("{} and {} have the same instance UID, but differ; keep one of them",
                              there->second.path.string(), file.string()));
    }
  }
  return found;
}

}  // namespace sagittal::hub
