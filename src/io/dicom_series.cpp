#include "io/dicom_series.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/file_start.h"

namespace sagittal::io {
namespace {

constexpr std::size_t kMaxFiles = 200'000;
constexpr std::int64_t kMaxFrames = 100'000;

/// SEG and LABELMAP objects hold pixels, but label some other series.
bool is_segmentation(const DicomDataset& dataset) {
  return dataset.text(tags::kSopClass).starts_with("1.2.840.10008.5.1.4.1.1.66.") ||
         dataset.text(tags::kModality) == "SEG";
}

/// Planes with equal keys can be stacked.
using StackKey = std::tuple<std::string, std::uint16_t, std::uint16_t, std::array<long, 6>>;

StackKey key_of(const std::string& uid, const PixelFormat& f, const Plane& p) {
  std::array<long, 6> turned{};
  for (std::size_t r = 0; r < 3; ++r) {
    turned[r] = std::lround(p.along_i[r] * 1e3);
    turned[r + 3] = std::lround(p.along_j[r] * 1e3);
  }
  return {uid, f.rows, f.columns, turned};
}

/// Groups planes of any number of files into stacks.
class Collector {
 public:
  /// False for a file that holds no image.
  bool add(ByteView bytes, const std::filesystem::path& path) {
    const DicomFile file = parse_dicom(bytes, path.string());
    const DicomDataset& d = file.dataset;
    if (!file.has_pixels || is_segmentation(d)) return false;
    const std::string instance = d.text(tags::kSopInstance);
    const bool is_copy = !instance.empty() && !instances_.insert(instance).second;
    if (is_copy) return true;
    try {
      add_planes(file, path);
    } catch (Error& error) {
      throw error.within(path.string());
    }
    return true;
  }

  std::vector<DicomImages> finish() && {
    std::vector<DicomImages> series;
    for (auto& [key, images] : stacks_) {
      images.info.images = static_cast<std::int64_t>(images.planes.size());
      series.push_back(std::move(images));
    }
    std::stable_sort(series.begin(), series.end(),
                     [](const auto& a, const auto& b) { return a.planes.size() > b.planes.size(); });
    std::map<std::string, int> seen;
    for (DicomImages& images : series) {
      const int number = ++seen[images.info.uid];
      if (number > 1) images.info.uid += fmt::format("#{}", number);
    }
    return series;
  }

 private:
  void add_planes(const DicomFile& file, const std::filesystem::path& path);
  std::map<StackKey, DicomImages> stacks_;
  std::set<std::string> instances_;
};

/// The functional group that describes one frame: in the frame's own item, else in the shared one, else the data set.
struct Groups {
  const DicomDataset* own;
  const DicomDataset* shared;
  const DicomDataset& dataset;

  const DicomDataset& find(DicomTag group) const {
    for (const DicomDataset* place : {own, shared}) {
      if (place != nullptr && place->item(group) != nullptr) return *place->item(group);
    }
    return dataset;
  }
};

Plane plane_of(const Groups& groups, std::int64_t frame) {
  Plane plane;
  plane.position = groups.find(tags::kPlanePosition).vector(tags::kPosition);
  const auto turned = groups.find(tags::kPlaneOrientation).numbers(tags::kOrientation);
  if (turned.size() == 6) {
    plane.along_i = {turned[0], turned[1], turned[2]};
    plane.along_j = {turned[3], turned[4], turned[5]};
  }
  const DicomDataset& measures = groups.find(tags::kPixelMeasures);
  const auto spacing = measures.numbers(tags::kPixelSpacing);  // between rows, then between columns
  if (spacing.size() == 2) plane.spacing_j = spacing[0], plane.spacing_i = spacing[1];
  const double between = std::abs(measures.number(tags::kSpacingBetweenSlices, 0));
  const double thickness = between > 0 ? between : measures.number(tags::kSliceThickness, 0);
  plane.thickness = thickness > 0 ? thickness : 1;
  const double time = groups.dataset.number(tags::kTemporalPosition, groups.dataset.number(tags::kAcquisition, 0));
  const auto index = groups.find(tags::kFrameContent).index(tags::kTemporalIndex);
  const double instance = groups.dataset.number(tags::kInstance, 0);
  const auto bounded = [](double v) {
    return static_cast<std::int64_t>(std::isfinite(v) ? std::clamp(v, -1e6, 1e6) : 0);
  };
  plane.order = (bounded(index ? static_cast<double>(*index) : time) << 42) + (bounded(instance) << 20) + frame;
  return plane;
}

std::int64_t frames_of(const DicomDataset& dataset) {
  const double frames = dataset.number(tags::kFrames, 1);
  if (!(frames >= 1 && frames <= static_cast<double>(kMaxFrames))) {
    throw Error(ErrorCode::bad_input, fmt::format("{} frames, expected 1 to {}", frames, kMaxFrames));
  }
  return static_cast<std::int64_t>(frames);
}

void Collector::add_planes(const DicomFile& file, const std::filesystem::path& path) {
  const DicomDataset& d = file.dataset;
  const PixelFormat format = pixel_format(file, "its pixels");
  const std::int64_t frames = frames_of(d);
  const std::string uid = d.text(tags::kSeriesUid).empty() ? "none" : d.text(tags::kSeriesUid);
  const auto& own = d.items(tags::kFrameGroups);
  if (!own.empty() && own.size() != static_cast<std::size_t>(frames)) {
    throw Error(ErrorCode::bad_input, fmt::format("{} frames, but {} descriptions of frames", frames, own.size()));
  }
  DicomImages* last = nullptr;
  for (std::int64_t frame = 0; frame < frames; ++frame) {
    const Groups groups{own.empty() ? nullptr : &own[static_cast<std::size_t>(frame)], d.item(tags::kSharedGroups), d};
    DicomPlane plane{0, frame, plane_of(groups, frame)};
    if (own.empty() && frames > 1) plane.plane.position.reset();  // one position cannot place many frames
    const DicomDataset& values = groups.find(tags::kValueTransformation);
    plane.slope = values.number(tags::kSlope, 1);
    plane.intercept = values.number(tags::kIntercept, 0);
    DicomImages& images = stacks_[key_of(uid, format, plane.plane)];
    if (images.files.empty()) {
      images.pixels = format;
      images.info = {uid, d.text(tags::kModality), d.text(tags::kSeriesDescription),
                     static_cast<std::int64_t>(std::clamp(d.number(tags::kSeriesNumber, 0), -1e9, 1e9)), 0};
    }
    if (&images != last && (images.files.empty() || images.files.back() != path)) {
      images.files.push_back(path);
      images.frames_in_file.push_back(frames);
    }
    last = &images;
    plane.file = images.files.size() - 1;
    images.planes.push_back(plane);
  }
}

std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code failure;
  const auto options = std::filesystem::directory_options::skip_permission_denied;
  for (auto it = std::filesystem::recursive_directory_iterator(folder, options, failure);
       !failure && it != std::filesystem::recursive_directory_iterator(); it.increment(failure)) {
    std::error_code unknown;
    if (it->is_regular_file(unknown)) files.push_back(it->path());
    if (files.size() > kMaxFiles) {
      throw Error(ErrorCode::too_large,
                  fmt::format("{}: more than {} files; name the folder of the series", folder.string(), kMaxFiles));
    }
  }
  if (failure) throw Error(ErrorCode::io, fmt::format("cannot list {}: {}", folder.string(), failure.message()));
  std::sort(files.begin(), files.end());
  return files;
}

std::string listing(const std::vector<DicomImages>& series) {
  std::string text;
  for (const DicomImages& images : series) {
    text += fmt::format("\n  {}  {} {} images  {}", images.info.uid, images.info.modality, images.info.images,
                        images.info.description);
  }
  return text;
}

}  // namespace

DicomBytes open_dicom_file(const std::filesystem::path& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  return {file->bytes(), file};
}

DicomBytes copy_dicom_file(const std::filesystem::path& path) {
  const auto bytes = std::make_shared<const Bytes>(read_file(path, kMostCopied));
  return {*bytes, bytes};
}

DicomBytes copy_dicom_start(const std::filesystem::path& path) {
  return parse_file_start(path, [&](const Bytes& start, bool whole) {
    if (looks_like_dicom(start) && !whole && !parse_dicom(start, path.string()).has_pixels) {
      throw Error(ErrorCode::bad_input, fmt::format("{}: it has no pixels", path.string()));
    }
    const auto bytes = std::make_shared<const Bytes>(start);
    return DicomBytes{*bytes, bytes};
  });
}

std::vector<DicomImages> find_dicom_series(const std::filesystem::path& folder, const ReadOptions& options) {
  return find_dicom_series(files_below(folder), options, folder.string());
}

std::vector<DicomImages> find_dicom_series(const std::vector<std::filesystem::path>& files, const ReadOptions& options,
                                           std::string_view what, const DicomOpener& open) {
  Collector collector;
  std::size_t unreadable = 0;
  std::string first_reason;
  for (const auto& path : files) {
    try {
      const DicomBytes file = open(path);
      if (looks_like_dicom(file.bytes)) collector.add(file.bytes, path);
    } catch (const Error& error) {
      if (unreadable++ == 0) first_reason = error.what();
    }
  }
  if (unreadable > 0 && options.log) {
    options.log(LogLevel::warning, fmt::format("{}: {} DICOM file{} passed over, the first because of {}", what,
                                               unreadable, unreadable == 1 ? "" : "s", first_reason));
  }
  auto series = std::move(collector).finish();
  if (series.empty() && unreadable > 0) throw Error(ErrorCode::unsupported, first_reason);
  return series;
}

std::vector<DicomImages> images_of_file(ByteView file, const std::filesystem::path& path) {
  Collector collector;
  if (!collector.add(file, path)) {
    throw Error(ErrorCode::unsupported, fmt::format("{}: a DICOM file, but no image", path.string()));
  }
  return std::move(collector).finish();
}

const DicomImages& choose_series(const std::vector<DicomImages>& series, const ReadOptions& options,
                                 std::string_view what) {
  if (series.empty()) throw Error(ErrorCode::not_found, fmt::format("{}: no DICOM images", what));
  if (options.series_uid.empty()) {
    if (series.size() == 1) return series[0];
    throw Error(ErrorCode::wrong_usage, fmt::format("{}: choose a series by its UID:{}", what, listing(series)));
  }
  for (const DicomImages& images : series) {
    if (images.info.uid == options.series_uid) return images;
  }
  throw Error(ErrorCode::not_found,
              fmt::format("{}: no series {}, expected one of:{}", what, options.series_uid, listing(series)));
}

}  // namespace sagittal::io
