#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcdict.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcsequen.h>
#include <dcmtk/dcmdata/dcuid.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <set>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/error.h"
#include "io/dicom_seg.h"
#include "io/dicom_text.h"

namespace sagittal::io {
namespace {

constexpr std::uint64_t kMaxPixelBytes = std::uint64_t{3} << 30;
const Code kTissue{"85756007", "SCT", "Tissue"};
const Code kSegmentationCode{"113076", "DCM", "Segmentation"};
const Code kSourceCode{"121322", "DCM", "Source image for image processing operation"};

/// One frame of the object: plane k of a segment.
struct Frame {
  std::size_t segment = 0;
  std::int64_t k = 0;
};

void check(const OFCondition& result) {
  if (result.good()) return;
  throw Error(ErrorCode::internal, fmt::format("the DICOM object cannot be built: {}", result.text()));
}

void put(DcmItem& item, const DcmTagKey& tag, const std::string& text) {
  check(item.putAndInsertOFStringArray(tag, OFString(text.data(), text.size())));
}
void put(DcmItem& item, const DcmTagKey& tag, std::uint16_t value) { check(item.putAndInsertUint16(tag, value)); }

/// A new item at the end of a sequence.
DcmItem& append(DcmItem& item, const DcmTagKey& sequence) {
  DcmItem* added = nullptr;
  check(item.findOrCreateSequenceItem(sequence, added, -2));
  return *added;
}

/// The last item of a sequence that has one.
DcmItem& last(DcmItem& item, const DcmTagKey& sequence) {
  DcmItem* found = nullptr;
  check(item.findAndGetSequenceItem(sequence, found, -1));
  return *found;
}

std::string new_uid() {
  char text[100];
  return dcmGenerateUniqueIdentifier(text, SITE_INSTANCE_UID_ROOT);
}

/// At most 16 characters, as many digits as they hold.
std::string decimal(double value) {
  constexpr std::size_t kLongest = 16;
  for (int digits = 17; digits > 1; --digits) {
    std::string text = fmt::format("{:.{}g}", value == 0 ? 0.0 : value, digits);
    if (text.size() <= kLongest) return text;
  }
  return "0";
}

std::string decimals(std::initializer_list<double> values) {
  std::string text;
  for (const double v : values) {
    if (!text.empty()) text += '\\';
    text += decimal(v);
  }
  return text;
}

/// A text that fits a value representation of `longest` characters; backslashes would separate values.
std::string limited(std::string text, std::size_t longest) {
  std::replace(text.begin(), text.end(), '\\', '/');
  std::size_t characters = 0, at = 0;
  for (; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && ++characters > longest) break;
  }
  return text.substr(0, at);
}

void put_code(DcmItem& item, const DcmTagKey& sequence, const Code& code) {
  DcmItem& entry = append(item, sequence);
  const bool is_long = code.value.size() > 16;
  const bool is_urn = code.value.starts_with("urn:") || code.value.find("://") != std::string::npos;
  put(entry, is_urn ? DCM_URNCodeValue : is_long ? DCM_LongCodeValue : DCM_CodeValue, code.value);
  if (!is_urn || !code.scheme.empty()) put(entry, DCM_CodingSchemeDesignator, limited(code.scheme, 16));
  put(entry, DCM_CodeMeaning, limited(code.meaning.empty() ? code.value : code.meaning, 64));
}

class SegWriter {
 public:
  explicit SegWriter(const Segmentation& s) : s_(s), context_(s.dicom.value_or(DicomContext{})) {
    silence_dcmtk();
    if (!dcmDataDict.isDictionaryLoaded())
      throw Error(ErrorCode::unsupported, "DCMTK's data dictionary is missing; install libdcmtk17 or set DCMDICTPATH");
    for (const SourceImage& image : context_.images)
      if (image.slice >= 0) images_of_slice_[image.slice].push_back(&image);
    list_frames();
  }

  Bytes write() {
    put_identity();
    put_series();
    put_references();
    put_dimensions();
    for (std::size_t n = 0; n < s_.segments.size(); ++n) put_segment(n);
    put_shared_groups();
    for (const Frame& frame : frames_) put_frame_groups(frame);
    put_pixels();
    return encoded();
  }

 private:
  DcmDataset& data() { return *file_.getDataset(); }
  bool fractional() const { return s_.kind != SegmentationKind::binary; }

  void list_frames();
  void put_identity();
  void put_series();
  void put_references();
  void put_dimensions();
  void put_segment(std::size_t index);
  void put_shared_groups();
  void put_frame_groups(const Frame& frame);
  void put_pixels();
  Bytes encoded();

  const Segmentation& s_;
  const DicomContext context_;
  std::map<std::int64_t, std::vector<const SourceImage*>> images_of_slice_;
  std::vector<Frame> frames_;
  DcmFileFormat file_;
  std::string dimensions_ = new_uid();
};

bool has_voxels(const SegmentMask& mask, std::int64_t k) {
  const Box& box = mask.bounds_ijk;
  if (box.empty() || k < box.lo[2] || k >= box.hi[2]) return false;
  const auto area = static_cast<std::ptrdiff_t>(box.size()[0] * box.size()[1]);
  const auto begin = mask.values.begin() + (k - box.lo[2]) * area;
  return std::any_of(begin, begin + area, [](std::uint8_t v) { return v != 0; });
}

void SegWriter::list_frames() {
  std::set<std::int64_t> planes;
  for (std::size_t n = 0; n < s_.segments.size(); ++n) {
    for (std::int64_t k = 0; k < s_.geometry.size[2]; ++k) {
      if (!has_voxels(s_.segments[n].mask, k)) continue;
      frames_.push_back({n, k});
      planes.insert(k);
    }
  }
  const std::size_t first_end = static_cast<std::size_t>(
      std::count_if(frames_.begin(), frames_.end(), [](const Frame& f) { return f.segment == 0; }));
  std::vector<Frame> first(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(first_end));
  for (const std::int64_t k : {std::int64_t{0}, s_.geometry.size[2] - 1})
    if (planes.insert(k).second) first.push_back({0, k});
  std::sort(first.begin(), first.end(), [](const Frame& a, const Frame& b) { return a.k < b.k; });
  frames_.erase(frames_.begin(), frames_.begin() + static_cast<std::ptrdiff_t>(first_end));
  frames_.insert(frames_.begin(), first.begin(), first.end());
}

void SegWriter::put_identity() {
  DcmDataset& d = data();
  put(d, DCM_SpecificCharacterSet, "ISO_IR 192");
  put(d, DCM_SOPClassUID, UID_SegmentationStorage);
  put(d, DCM_SOPInstanceUID, new_uid());
  for (const DcmTagKey& tag :
       {DCM_PatientName, DCM_PatientID, DCM_PatientBirthDate, DCM_PatientSex, DCM_StudyDate, DCM_StudyTime,
        DCM_ReferringPhysicianName, DCM_StudyID, DCM_AccessionNumber, DCM_PositionReferenceIndicator}) {
    put(d, tag, "");  // must be there, even if unknown
  }
  put(d, DCM_StudyInstanceUID, new_uid());
  for (const DicomTag tag : tags::kSubject) {
    const auto found = context_.attributes.find(tag);
    if (found == context_.attributes.end()) continue;
    put(d, DcmTagKey(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xFFFF)), found->second);
  }
  put(d, DCM_FrameOfReferenceUID, context_.frame_of_reference.empty() ? new_uid() : context_.frame_of_reference);
}

void SegWriter::put_series() {
  DcmDataset& d = data();
  const auto own = [&](DicomTag tag, const std::string& fallback) {
    const auto found = context_.attributes.find(tag);
    return found == context_.attributes.end() ? fallback : found->second;
  };
  const std::time_t now = std::time(nullptr);
  const std::string date = fmt::format("{:%Y%m%d}", fmt::localtime(now)),
                    time = fmt::format("{:%H%M%S}", fmt::localtime(now));
  put(d, DCM_Modality, "SEG");
  put(d, DCM_SeriesInstanceUID, new_uid());
  put(d, DCM_SeriesNumber, own(tags::kSeriesNumber, "1000"));
  put(d, DCM_SeriesDescription, limited(own(tags::kSeriesDescription, "Segmentation"), 64));
  if (const std::string part = own(tags::kBodyPart, ""); !part.empty()) put(d, DCM_BodyPartExamined, part);
  put(d, DCM_SeriesDate, date);
  put(d, DCM_SeriesTime, time);
  put(d, DCM_ContentDate, date);
  put(d, DCM_ContentTime, time);
  put(d, DCM_InstanceNumber, "1");
  put(d, DCM_Manufacturer, "Sagittal");
  put(d, DCM_ManufacturerModelName, "sagittal");
  put(d, DCM_DeviceSerialNumber, "1");
  put(d, DCM_SoftwareVersions, SAGITTAL_VERSION);
  put(d, DCM_ContentLabel, own(tags::kContentLabel, "SEGMENTATION"));
  put(d, DCM_ContentDescription, limited(own(tags::kContentDescription, "Image segmentation"), 64));
  put(d, DCM_ContentCreatorName, own(tags::kContentCreator, ""));
  put(d, DCM_ImageType, "DERIVED\\PRIMARY");
  put(d, DCM_LossyImageCompression, "00");
  put(d, DCM_SegmentationType, fractional() ? "FRACTIONAL" : "BINARY");
  put(d, DCM_SegmentsOverlap, fractional() ? "UNDEFINED" : layers_of(s_).size() > 1 ? "YES" : "NO");
  if (!fractional()) return;
  put(d, DCM_SegmentationFractionalType, s_.kind == SegmentationKind::probability ? "PROBABILITY" : "OCCUPANCY");
  put(d, DCM_MaximumFractionalValue, s_.max_value);
}

/// All images, by series.
void SegWriter::put_references() {
  std::map<std::string, DcmItem*> series;
  std::set<std::string> seen;
  for (const SourceImage& image : context_.images) {
    if (!seen.insert(image.instance_uid).second) continue;
    DcmItem*& item = series[image.series_uid];
    if (item == nullptr) {
      item = &append(data(), DCM_ReferencedSeriesSequence);
      put(*item, DCM_SeriesInstanceUID, image.series_uid);
    }
    DcmItem& instance = append(*item, DCM_ReferencedInstanceSequence);
    put(instance, DCM_ReferencedSOPClassUID, image.class_uid);
    put(instance, DCM_ReferencedSOPInstanceUID, image.instance_uid);
  }
}

void SegWriter::put_dimensions() {
  put(append(data(), DCM_DimensionOrganizationSequence), DCM_DimensionOrganizationUID, dimensions_);
  const auto add = [&](const DcmTagKey& pointer, const DcmTagKey& group, const char* label) {
    DcmItem& index = append(data(), DCM_DimensionIndexSequence);
    put(index, DCM_DimensionOrganizationUID, dimensions_);
    check(index.putAndInsertTagKey(DCM_DimensionIndexPointer, pointer));
    check(index.putAndInsertTagKey(DCM_FunctionalGroupPointer, group));
    put(index, DCM_DimensionDescriptionLabel, label);
  };
  add(DCM_ReferencedSegmentNumber, DCM_SegmentIdentificationSequence, "ReferencedSegmentNumber");
  add(DCM_ImagePositionPatient, DCM_PlanePositionSequence, "ImagePositionPatient");
}

void SegWriter::put_segment(std::size_t index) {
  const Segment& segment = s_.segments[index];
  const Terminology codes = segment.codes.value_or(Terminology{kTissue, kTissue});
  DcmItem& item = append(data(), DCM_SegmentSequence);
  put(item, DCM_SegmentNumber, static_cast<std::uint16_t>(index + 1));
  put(item, DCM_SegmentLabel, limited(segment.name, 64));
  if (!segment.description.empty()) put(item, DCM_SegmentDescription, segment.description);
  put(item, DCM_SegmentAlgorithmType, std::string(name_of(segment.algorithm_type)));
  const bool manual = segment.algorithm_type == AlgorithmType::manual;
  if (!segment.algorithm_name.empty() || !manual)
    put(item, DCM_SegmentAlgorithmName,
        limited(segment.algorithm_name.empty() ? "unknown" : segment.algorithm_name, 64));
  put_code(item, DCM_SegmentedPropertyCategoryCodeSequence, codes.category);
  put_code(item, DCM_SegmentedPropertyTypeCodeSequence, codes.type);
  if (codes.modifier) {
    DcmItem& type = last(item, DCM_SegmentedPropertyTypeCodeSequence);
    put_code(type, DCM_SegmentedPropertyTypeModifierCodeSequence, *codes.modifier);
  }
  if (codes.region) {
    put_code(item, DCM_AnatomicRegionSequence, *codes.region);
    DcmItem& region = last(item, DCM_AnatomicRegionSequence);
    if (codes.region_modifier) put_code(region, DCM_AnatomicRegionModifierSequence, *codes.region_modifier);
  }
  const bool kept = segment.cielab && rgb_of(*segment.cielab) == segment.colour;
  const auto lab = kept ? *segment.cielab : cielab_of(segment.colour);
  check(item.putAndInsertUint16Array(DCM_RecommendedDisplayCIELabValue, lab.data(), 3));
  if (!segment.tracking_id.empty() && !segment.tracking_uid.empty()) {
    put(item, DCM_TrackingID, segment.tracking_id);
    put(item, DCM_TrackingUID, segment.tracking_uid);
  }
}

void SegWriter::put_shared_groups() {
  const Geometry& g = s_.geometry;
  const auto& m = g.direction;
  DcmItem& shared = append(data(), DCM_SharedFunctionalGroupsSequence);
  put(append(shared, DCM_PlaneOrientationSequence), DCM_ImageOrientationPatient,
      decimals({m[0][0], m[1][0], m[2][0], m[0][1], m[1][1], m[2][1]}));
  DcmItem& measures = append(shared, DCM_PixelMeasuresSequence);
  put(measures, DCM_PixelSpacing, decimals({g.spacing_mm[1], g.spacing_mm[0]}));
  put(measures, DCM_SliceThickness, decimal(g.spacing_mm[2]));
  put(measures, DCM_SpacingBetweenSlices, decimal(g.spacing_mm[2]));
}

void SegWriter::put_frame_groups(const Frame& frame) {
  DcmItem& groups = append(data(), DCM_PerFrameFunctionalGroupsSequence);
  const Uint32 place[2]{static_cast<Uint32>(frame.segment + 1), static_cast<Uint32>(frame.k + 1)};
  check(append(groups, DCM_FrameContentSequence).putAndInsertUint32Array(DCM_DimensionIndexValues, place, 2));
  const Vec3 at = index_to_world(s_.geometry, {0, 0, static_cast<double>(frame.k)});
  put(append(groups, DCM_PlanePositionSequence), DCM_ImagePositionPatient, decimals({at[0], at[1], at[2]}));
  put(append(groups, DCM_SegmentIdentificationSequence), DCM_ReferencedSegmentNumber,
      static_cast<std::uint16_t>(frame.segment + 1));
  const auto found = images_of_slice_.find(frame.k);
  if (found == images_of_slice_.end()) return;
  DcmItem& derivation = append(groups, DCM_DerivationImageSequence);
  put_code(derivation, DCM_DerivationCodeSequence, kSegmentationCode);
  for (const SourceImage* image : found->second) {
    DcmItem& source = append(derivation, DCM_SourceImageSequence);
    put(source, DCM_ReferencedSOPClassUID, image->class_uid);
    put(source, DCM_ReferencedSOPInstanceUID, image->instance_uid);
    if (image->frame > 0) put(source, DCM_ReferencedFrameNumber, std::to_string(image->frame));
    put(source, DCM_SpatialLocationsPreserved, "YES");
    put_code(source, DCM_PurposeOfReferenceCodeSequence, kSourceCode);
  }
}

/// Sets the voxels of one frame; `at` is its first pixel: a bit of binary objects, a byte of others.
void write_frame(const SegmentMask& mask, std::int64_t k, std::int64_t columns, std::uint64_t at, bool bits,
                 Bytes& out) {
  const Box& box = mask.bounds_ijk;
  if (box.empty() || k < box.lo[2] || k >= box.hi[2]) return;
  const Index3 size = box.size();
  auto from = mask.values.begin() + (k - box.lo[2]) * size[0] * size[1];
  for (std::int64_t j = box.lo[1]; j < box.hi[1]; ++j) {
    for (std::int64_t i = box.lo[0]; i < box.hi[0]; ++i, ++from) {
      const std::uint64_t pixel = at + static_cast<std::uint64_t>(j * columns + i);
      if (!bits) {
        out[pixel] = *from;
      } else if (*from != 0) {
        out[pixel / 8] = static_cast<std::uint8_t>(out[pixel / 8] | (1U << (pixel % 8)));
      }
    }
  }
}

void SegWriter::put_pixels() {
  const Index3& size = s_.geometry.size;
  if (size[0] > 65535 || size[1] > 65535)
    throw Error(ErrorCode::unsupported,
                fmt::format("planes of {} x {} pixels, DICOM has up to 65535", size[0], size[1]));
  DcmDataset& d = data();
  const std::uint16_t bits = fractional() ? 8 : 1;
  put(d, DCM_SamplesPerPixel, std::uint16_t{1});
  put(d, DCM_PhotometricInterpretation, "MONOCHROME2");
  put(d, DCM_NumberOfFrames, std::to_string(frames_.size()));
  put(d, DCM_Rows, static_cast<std::uint16_t>(size[1]));
  put(d, DCM_Columns, static_cast<std::uint16_t>(size[0]));
  put(d, DCM_BitsAllocated, bits);
  put(d, DCM_BitsStored, bits);
  put(d, DCM_HighBit, static_cast<std::uint16_t>(bits - 1));
  put(d, DCM_PixelRepresentation, std::uint16_t{0});
  const std::uint64_t area = static_cast<std::uint64_t>(size[0]) * static_cast<std::uint64_t>(size[1]);
  const std::uint64_t bytes = (area * frames_.size() * bits + 15) / 16 * 2;
  if (bytes > kMaxPixelBytes)
    throw Error(ErrorCode::too_large, fmt::format("{} bytes of pixels, the limit is {}", bytes, kMaxPixelBytes));
  Bytes pixels(bytes);
  for (std::size_t n = 0; n < frames_.size(); ++n)
    write_frame(s_.segments[frames_[n].segment].mask, frames_[n].k, size[0], n * area, !fractional(), pixels);
  auto element = std::make_unique<DcmPixelData>(DcmTag(DCM_PixelData, EVR_OB));
  check(element->putUint8Array(pixels.data(), static_cast<unsigned long>(pixels.size())));
  check(d.insert(element.release()));  // the data set owns it
}

Bytes SegWriter::encoded() {
  constexpr E_TransferSyntax syntax = EXS_LittleEndianExplicit;
  check(data().chooseRepresentation(syntax, nullptr));
  check(file_.validateMetaInfo(syntax));
  Bytes out(file_.calcElementLength(syntax, EET_ExplicitLength) + 1024);
  DcmOutputBufferStream stream(out.data(), static_cast<offile_off_t>(out.size()));
  file_.transferInit();
  check(file_.write(stream, syntax, EET_ExplicitLength, nullptr));
  file_.transferEnd();
  void* written = nullptr;
  offile_off_t length = 0;
  stream.flushBuffer(written, length);
  out.resize(static_cast<std::size_t>(length));
  return out;
}

}  // namespace

Bytes write_dicom_seg(const Segmentation& segmentation) {
  check_segmentation(segmentation, "the segmentation to write");
  if (segmentation.segments.empty())
    throw Error(ErrorCode::bad_input, "a DICOM SEG needs at least one segment, and there is none");
  return SegWriter(segmentation).write();
}

}  // namespace sagittal::io
