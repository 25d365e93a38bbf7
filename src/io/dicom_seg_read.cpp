#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_pixels.h"
#include "io/dicom_seg.h"
#include "io/dicom_text.h"

namespace sagittal::io {
namespace {

constexpr std::string_view kSegClass = "1.2.840.10008.5.1.4.1.1.66.4", kLabelMapClass = "1.2.840.10008.5.1.4.1.1.66.7";
constexpr std::int64_t kMaxFrames = 1'000'000, kMaxSlices = 65'535;
constexpr std::uint64_t kSparse = std::uint64_t{1} << 30, kPerPixel = 16;  // two small frames may lie far apart
constexpr double kSamePlane = 1e-3;                                        // mm
constexpr double kUneven = 0.1;                                            // of the slice distance
constexpr double kSameDirection = 1e-3;
constexpr double kFarthest = 1e7;  // mm

Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
double dot(const Vec3& a, const Vec3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

/// One frame: where it lies, and whose it is (0 in label maps).
struct Frame {
  Vec3 position{};
  std::int64_t segment = 0;
  std::int64_t k = 0;
};

/// The pixels that are set in one frame.
struct Crop {
  std::int64_t k = 0, i0 = 0, j0 = 0, i1 = 0, j1 = 0;
  std::vector<std::uint8_t> values;
};

class SegReader {
 public:
  SegReader(ByteView file, std::uint64_t max_bytes, std::string_view what)
      : what_(what), max_bytes_(max_bytes), file_(parse_dicom(file, what)), data_(file_.dataset) {}

  Segmentation read() {
    read_format();
    read_segments();
    read_frames();
    read_grid();
    is_label_map_ ? read_label_map() : read_masks();
    read_context();
    check_segmentation(out_, what_);
    return std::move(out_);
  }

 private:
  [[noreturn]] void reject(std::string_view why) const {
    throw Error(ErrorCode::bad_input, fmt::format("{}: {}", what_, why));
  }
  [[noreturn]] void cannot(std::string_view why) const {
    throw Error(ErrorCode::unsupported, fmt::format("{}: {}", what_, why));
  }
  std::string utf8(const DicomDataset& d, DicomTag tag) const {
    return utf8_of(d.stored_text(tag), data_.stored_text(tags::kCharacterSet));
  }
  const DicomDataset& group(const DicomDataset* own, DicomTag tag) const;
  std::optional<Code> code(const DicomDataset& d, DicomTag sequence) const;

  void read_format();
  void read_segments();
  Segment read_segment(const DicomDataset& d) const;
  void read_frames();
  void read_grid();
  double slice_distance(const std::vector<double>& heights, const DicomDataset& measures) const;
  void read_masks();
  void read_label_map();
  void read_context();
  std::vector<std::int32_t> decode(std::int64_t frame, const FrameDecoder* decoder) const;
  std::optional<Crop> crop(const std::vector<std::int32_t>& pixels, std::int64_t k) const;
  void join(const std::vector<Crop>& crops, SegmentMask& mask);

  std::string what_;
  std::uint64_t max_bytes_;
  DicomFile file_;
  const DicomDataset& data_;
  PixelFormat format_;
  bool is_label_map_ = false;
  std::vector<Frame> frames_;
  Segmentation out_;
};

const DicomDataset& SegReader::group(const DicomDataset* own, DicomTag tag) const {
  if (own != nullptr && own->item(tag) != nullptr) return *own->item(tag);
  const DicomDataset* shared = data_.item(tags::kSharedGroups);
  if (shared != nullptr && shared->item(tag) != nullptr) return *shared->item(tag);
  return data_;
}

std::optional<Code> SegReader::code(const DicomDataset& d, DicomTag sequence) const {
  const DicomDataset* item = d.item(sequence);
  if (item == nullptr) return std::nullopt;
  std::string value = utf8(*item, tags::kCodeValue);
  for (const DicomTag other : {tags::kLongCodeValue, tags::kUrnCodeValue})
    if (value.empty()) value = utf8(*item, other);
  return Code{value, utf8(*item, tags::kCodeScheme), utf8(*item, tags::kCodeMeaning)};
}

void SegReader::read_format() {
  const std::string type = data_.text(tags::kSegmentationType);
  is_label_map_ = type == "LABELMAP";
  if (type == "FRACTIONAL") {
    const auto max = data_.word(tags::kMaxFractional, 255);
    if (max < 1 || max > 255) reject(fmt::format("a maximum fractional value of {}, expected 1 to 255", max));
    out_.max_value = static_cast<std::uint8_t>(max);
    out_.kind =
        data_.text(tags::kFractionalType) == "OCCUPANCY" ? SegmentationKind::occupancy : SegmentationKind::probability;
  } else if (type != "BINARY" && !is_label_map_) {
    cannot(fmt::format("segmentation type \"{}\", expected BINARY, FRACTIONAL or LABELMAP", type));
  }
  if (!file_.has_pixels) reject("a segmentation without pixels");
  if (data_.word(tags::kRows, 0) == 0 || data_.word(tags::kColumns, 0) == 0) reject("planes without rows or columns");
  format_.rows = data_.word(tags::kRows, 0);
  format_.columns = data_.word(tags::kColumns, 0);
  format_.bits_allocated = data_.word(tags::kBitsAllocated, 0);
  format_.bits_stored = format_.bits_allocated;
  format_.high_bit = static_cast<std::uint16_t>(format_.bits_allocated - 1);
  format_.transfer_syntax = file_.transfer_syntax;
  const bool known =
      format_.bits_allocated == 1 || format_.bits_allocated == 8 || (is_label_map_ && format_.bits_allocated == 16);
  if (!known) cannot(fmt::format("{} bits for a pixel of type {}", format_.bits_allocated, type));
  if (format_.bits_allocated == 1 && file_.big_endian)
    cannot("bits in big-endian words; convert it, e.g. with dcmconv");
  if (format_.bits_allocated == 1 && file_.encapsulated) cannot("compressed bits; unpack it first, e.g. with gdcmconv");
}

Segment SegReader::read_segment(const DicomDataset& d) const {
  Segment s;
  s.number = d.word(tags::kSegmentNumber, 0);
  s.name = utf8(d, tags::kSegmentLabel);
  s.description = utf8(d, tags::kSegmentDescription);
  s.algorithm_type = algorithm_type_from_name(d.text(tags::kAlgorithmType));
  s.algorithm_name = utf8(d, tags::kAlgorithmName);
  s.tracking_id = utf8(d, tags::kTrackingId);
  s.tracking_uid = d.text(tags::kTrackingUid);
  const auto category = code(d, tags::kSegmentCategory), type = code(d, tags::kSegmentType);
  if (category && type) {
    const auto region = code(d, tags::kAnatomicRegion);
    s.codes = Terminology{*category, *type, code(*d.item(tags::kSegmentType), tags::kSegmentTypeModifier), region,
                          region ? code(*d.item(tags::kAnatomicRegion), tags::kAnatomicRegionModifier) : std::nullopt};
  }
  const auto lab = d.words(tags::kDisplayCieLab);
  s.colour = default_colour(s.number);
  if (lab.size() == 3) {
    s.cielab = {lab[0], lab[1], lab[2]};
    s.colour = rgb_of(*s.cielab);
  }
  return s;
}

void SegReader::read_segments() {
  std::set<std::int64_t> numbers;
  for (const DicomDataset& d : data_.items(tags::kSegments)) {
    Segment segment = read_segment(d);
    const bool background = is_label_map_ && segment.number == 0;
    if (background) continue;
    if (segment.number == 0 || !numbers.insert(segment.number).second)
      reject(fmt::format("segment number {} is 0 or taken", segment.number));
    out_.segments.push_back(std::move(segment));
  }
  std::sort(out_.segments.begin(), out_.segments.end(),
            [](const Segment& a, const Segment& b) { return a.number < b.number; });
}

void SegReader::read_frames() {
  const auto& items = data_.items(tags::kFrameGroups);
  const double count = data_.number(tags::kFrames, 1);
  if (!(count >= 1 && count <= static_cast<double>(kMaxFrames)) || count != std::floor(count))
    reject(fmt::format("{} frames, expected 1 to {}", count, kMaxFrames));
  if (!items.empty() && items.size() != static_cast<std::size_t>(count))
    reject(fmt::format("{} frames, but {} descriptions of frames", count, items.size()));
  if (items.empty() && count > 1) cannot("its frames have no descriptions of their own");
  const auto bits = static_cast<std::uint64_t>(count) * format_.pixels() * format_.bits_allocated;
  if (!file_.encapsulated && file_.pixels.size() < (bits + 7) / 8)
    reject(fmt::format("{} bytes of pixels, expected {}", file_.pixels.size(), (bits + 7) / 8));
  const auto pixels = static_cast<std::uint64_t>(count) * format_.pixels();
  max_bytes_ = std::min(max_bytes_, kSparse + kPerPixel * pixels);
  for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) {
    const DicomDataset* own = items.empty() ? nullptr : &items[n];
    Frame frame;
    const auto position = group(own, tags::kPlanePosition).vector(tags::kPosition);
    if (!position) cannot("a frame without a position in the patient");
    if (std::any_of(position->begin(), position->end(), [](double v) { return !(std::abs(v) <= kFarthest); }))
      reject("a frame at a position that is no place in a patient");
    frame.position = *position;
    if (!is_label_map_) frame.segment = group(own, tags::kSegmentIdentification).word(tags::kReferencedSegment, 0);
    frames_.push_back(frame);
  }
}

/// The declared distance where all planes lie on multiples of it, else the smallest one between two planes.
double SegReader::slice_distance(const std::vector<double>& heights, const DicomDataset& measures) const {
  std::vector<double> gaps;
  for (std::size_t n = 1; n < heights.size(); ++n) gaps.push_back(heights[n] - heights[n - 1]);
  const auto fits = [&](double distance) {
    return distance > kSamePlane && std::all_of(gaps.begin(), gaps.end(), [&](double gap) {
             const double steps = gap / distance;
             return steps > 0.5 && std::abs(steps - std::round(steps)) <= kUneven;
           });
  };
  const double between = std::abs(measures.number(tags::kSpacingBetweenSlices, 0));
  const double thickness = measures.number(tags::kSliceThickness, 0);
  for (const double declared : {between, gaps.empty() ? thickness : 0.0})
    if (std::isfinite(declared) && declared <= kFarthest && fits(declared)) return declared;
  if (gaps.empty()) return 1;
  const double least = *std::min_element(gaps.begin(), gaps.end());
  if (!fits(least)) cannot("its planes lie at uneven distances");
  return least;
}

void SegReader::read_grid() {
  const DicomDataset* first = data_.item(tags::kFrameGroups);
  const auto turned = group(first, tags::kPlaneOrientation).numbers(tags::kOrientation);
  const DicomDataset& measures = group(first, tags::kPixelMeasures);
  const auto spacing = measures.numbers(tags::kPixelSpacing);
  if (turned.size() != 6) cannot("frames without an orientation in the patient");
  if (spacing.size() != 2) cannot("frames without a pixel spacing");
  for (const DicomDataset& own : data_.items(tags::kFrameGroups)) {
    const auto other = group(&own, tags::kPlaneOrientation).numbers(tags::kOrientation);
    const bool same =
        other.size() == 6 && std::equal(turned.begin(), turned.end(), other.begin(),
                                        [](double a, double b) { return std::abs(a - b) <= kSameDirection; });
    if (!same) cannot("frames of several orientations");
  }
  const Vec3 along_i{turned[0], turned[1], turned[2]}, along_j{turned[3], turned[4], turned[5]};
  const Vec3 normal = cross(along_i, along_j);
  std::vector<double> heights;
  for (const Frame& f : frames_) heights.push_back(dot(f.position, normal));
  std::sort(heights.begin(), heights.end());
  heights.erase(std::unique(heights.begin(), heights.end(), [](double a, double b) { return b - a <= kSamePlane; }),
                heights.end());
  double distance = slice_distance(heights, measures);
  const double last = std::round((heights.back() - heights.front()) / distance);
  if (!(last < static_cast<double>(kMaxSlices)))
    reject(fmt::format("{} slices, expected up to {}", last + 1, kMaxSlices));
  if (last > 0 && !(std::abs(heights.back() - heights.front() - last * distance) <= 1e-6 * last * distance))
    distance = (heights.back() - heights.front()) / last;
  Geometry& g = out_.geometry;
  g.size = {format_.columns, format_.rows, static_cast<std::int64_t>(last) + 1};
  g.spacing_mm = {spacing[1], spacing[0], distance};
  for (std::size_t r = 0; r < 3; ++r) g.direction[r] = {along_i[r], along_j[r], normal[r]};
  const auto lowest = std::min_element(frames_.begin(), frames_.end(), [&](const Frame& a, const Frame& b) {
    return dot(a.position, normal) < dot(b.position, normal);
  });
  g.origin_mm = lowest->position;
  check_geometry(g, what_);
  if (g.voxel_count() > kMaxVoxels)
    throw Error(ErrorCode::too_large, fmt::format("{}: {} voxels", what_, g.voxel_count()));
  for (Frame& f : frames_) {
    const Vec3 index = world_to_index(g, f.position);
    if (std::abs(index[0]) > kUneven || std::abs(index[1]) > kUneven)
      cannot("frames that are shifted within their plane");
    f.k = std::clamp<std::int64_t>(std::llround(index[2]), 0, g.size[2] - 1);
  }
}

/// The stored values of one frame.
std::vector<std::int32_t> SegReader::decode(std::int64_t frame, const FrameDecoder* decoder) const {
  if (decoder != nullptr) return decoder->decode(frame);
  std::vector<std::int32_t> out(format_.pixels());
  const auto first = static_cast<std::uint64_t>(frame) * out.size();
  for (std::size_t n = 0; n < out.size(); ++n) {
    const std::uint64_t bit = first + n;
    out[n] = file_.pixels[bit / 8] >> (bit % 8) & 1;
  }
  return out;
}

std::optional<Crop> SegReader::crop(const std::vector<std::int32_t>& pixels, std::int64_t k) const {
  const std::int64_t columns = format_.columns, rows = format_.rows;
  Crop c{k, columns, rows, 0, 0, {}};
  for (std::int64_t j = 0; j < rows; ++j) {
    const auto row = pixels.begin() + j * columns;
    const auto first = std::find_if(row, row + columns, [](std::int32_t v) { return v != 0; });
    if (first == row + columns) continue;
    std::int64_t end = columns;
    while (row[end - 1] == 0) --end;
    c.i0 = std::min<std::int64_t>(c.i0, first - row), c.i1 = std::max(c.i1, end);
    c.j0 = std::min(c.j0, j), c.j1 = j + 1;
  }
  if (c.i1 == 0) return std::nullopt;
  for (std::int64_t j = c.j0; j < c.j1; ++j) {
    for (std::int64_t i = c.i0; i < c.i1; ++i) {
      const std::int32_t v = pixels[static_cast<std::size_t>(j * columns + i)];
      if (v < 0 || v > out_.max_value) reject(fmt::format("a pixel of {}, expected up to {}", v, out_.max_value));
      c.values.push_back(static_cast<std::uint8_t>(v));
    }
  }
  return c;
}

void SegReader::join(const std::vector<Crop>& crops, SegmentMask& mask) {
  if (crops.empty()) return;
  Box box{{crops[0].i0, crops[0].j0, crops[0].k}, {crops[0].i1, crops[0].j1, crops[0].k + 1}};
  for (const Crop& c : crops) box = hull(box, {{c.i0, c.j0, c.k}, {c.i1, c.j1, c.k + 1}});
  const auto bytes = static_cast<std::uint64_t>(box.volume());
  if (bytes > max_bytes_)
    throw Error(ErrorCode::too_large, fmt::format("{}: its segments take too much memory", what_));
  max_bytes_ -= bytes;
  mask.bounds_ijk = box;
  mask.values.resize(bytes);
  const Index3 size = box.size();
  for (const Crop& c : crops) {
    auto from = c.values.begin();
    for (std::int64_t j = c.j0; j < c.j1; ++j, from += c.i1 - c.i0)
      std::copy(from, from + (c.i1 - c.i0),
                mask.values.begin() + ((c.k - box.lo[2]) * size[1] + j - box.lo[1]) * size[0] + c.i0 - box.lo[0]);
  }
}

void SegReader::read_masks() {
  std::optional<FrameDecoder> decoder;
  if (format_.bits_allocated > 1) decoder.emplace(file_, format_, static_cast<std::int64_t>(frames_.size()), what_);
  std::map<std::int64_t, std::vector<std::int64_t>> frames_of;
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  for (std::size_t n = 0; n < frames_.size(); ++n) {
    if (!seen.insert({frames_[n].segment, frames_[n].k}).second)
      cannot(fmt::format("segment {} has several frames in one plane", frames_[n].segment));
    frames_of[frames_[n].segment].push_back(static_cast<std::int64_t>(n));
  }
  for (Segment& segment : out_.segments) {
    std::vector<Crop> crops;
    for (const std::int64_t n : frames_of[segment.number]) {
      auto found = crop(decode(n, decoder ? &*decoder : nullptr), frames_[static_cast<std::size_t>(n)].k);
      if (found) crops.push_back(std::move(*found));
    }
    frames_of.erase(segment.number);
    join(crops, segment.mask);
  }
  if (!frames_of.empty())
    reject(fmt::format("a frame of segment {}, which is not described", frames_of.begin()->first));
}

void SegReader::read_label_map() {
  const auto voxels = static_cast<std::uint64_t>(out_.geometry.voxel_count());
  if (voxels * sizeof(std::uint16_t) > max_bytes_)
    throw Error(ErrorCode::too_large, fmt::format("{}: {} voxels", what_, voxels));
  std::optional<FrameDecoder> decoder;
  if (format_.bits_allocated > 1) decoder.emplace(file_, format_, static_cast<std::int64_t>(frames_.size()), what_);
  Buffer buffer(voxels * sizeof(std::uint16_t));
  const auto labels = buffer.as<std::uint16_t>();
  std::fill(labels.begin(), labels.end(), std::uint16_t{0});
  for (std::size_t n = 0; n < frames_.size(); ++n) {
    const auto pixels = decode(static_cast<std::int64_t>(n), decoder ? &*decoder : nullptr);
    std::transform(pixels.begin(), pixels.end(),
                   labels.begin() + frames_[n].k * static_cast<std::int64_t>(pixels.size()),
                   [](std::int32_t v) { return static_cast<std::uint16_t>(v); });
  }
  Segmentation found = segments_of_labels(Volume(out_.geometry, ScalarType::u16, std::move(buffer)));
  for (Segment& segment : found.segments) {
    const auto described = std::find_if(out_.segments.begin(), out_.segments.end(),
                                        [&](const Segment& s) { return s.number == segment.number; });
    if (described == out_.segments.end()) reject(fmt::format("label {} is no segment", segment.number));
    described->mask = std::move(segment.mask);
  }
}

void SegReader::read_context() {
  DicomContext context;
  const auto copy = [&](DicomTag tag) {
    std::string text = utf8(data_, tag);
    if (!text.empty()) context.attributes[tag] = std::move(text);
  };
  std::for_each(tags::kSubject.begin(), tags::kSubject.end(), copy);
  std::for_each(tags::kOfSegmentation.begin(), tags::kOfSegmentation.end(), copy);
  context.frame_of_reference = data_.text(tags::kFrameOfReference);
  std::map<std::string, std::string> series_of;
  std::set<std::string> placed;
  for (const DicomDataset& series : data_.items(tags::kReferencedSeries))
    for (const DicomDataset& instance : series.items(tags::kReferencedInstances))
      series_of[instance.text(tags::kReferencedInstance)] = series.text(tags::kSeriesUid);
  std::set<std::tuple<std::string, std::int64_t, std::int64_t>> seen;
  const auto& items = data_.items(tags::kFrameGroups);
  for (std::size_t n = 0; n < items.size(); ++n) {
    for (const DicomDataset& derivation : items[n].items(tags::kDerivationImage)) {
      for (const DicomDataset& source : derivation.items(tags::kSourceImage)) {
        SourceImage image{{},
                          source.text(tags::kReferencedClass),
                          source.text(tags::kReferencedInstance),
                          static_cast<std::int64_t>(std::clamp(source.number(tags::kReferencedFrame, 0), 0.0, 1e9)),
                          frames_[n].k};
        if (const auto found = series_of.find(image.instance_uid); found != series_of.end())
          image.series_uid = found->second;
        placed.insert(image.instance_uid);
        if (seen.emplace(image.instance_uid, image.frame, image.slice).second)
          context.images.push_back(std::move(image));
      }
    }
  }
  std::stable_sort(context.images.begin(), context.images.end(),
                   [](const SourceImage& a, const SourceImage& b) { return a.slice < b.slice; });
  for (const DicomDataset& series : data_.items(tags::kReferencedSeries))
    for (const DicomDataset& instance : series.items(tags::kReferencedInstances))
      if (placed.insert(instance.text(tags::kReferencedInstance)).second)
        context.images.push_back({series.text(tags::kSeriesUid), instance.text(tags::kReferencedClass),
                                  instance.text(tags::kReferencedInstance), 0, -1});
  out_.dicom = std::move(context);
}

}  // namespace

bool is_dicom_seg(ByteView file, std::string_view what) {
  if (!looks_like_dicom(file)) return false;
  const std::string kind = parse_dicom(file, what).dataset.text(tags::kSopClass);
  return kind == kSegClass || kind == kLabelMapClass;
}

Segmentation read_dicom_seg(ByteView file, std::uint64_t max_bytes, std::string_view what) {
  try {
    return SegReader(file, max_bytes, what).read();
  } catch (Error& error) {
    if (std::string_view(error.what()).starts_with(what)) throw;
    throw error.within(what);
  }
}

}  // namespace sagittal::io
